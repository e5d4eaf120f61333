// The vectors of docs/tokens.md; tests/python/test_tokens.py and docs/clients/knock.sh have them too.
#include "catch.hpp"
#include "crypto/crypto.hpp"
#include "knockwork/token.hpp"

using namespace knockwork;

namespace {

std::string hex(const TokenBytes& token) {
  std::string text;
  for (const std::uint8_t byte : token) {
    constexpr const char* kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

const std::string kMaster = "0123456789abcdef0123456789abcdef";

}  // namespace

TEST_CASE("token: keys and tokens are those of the vectors") {
  const TokenKey key = token_key(host_key(kMaster, "web1.example"), "alice", 1);
  CHECK(to_base64(key) == "67FLS4xYGmAUe7V/72dw/f3JgzFOCqWicMvys8lsbRw=");
  TokenDrawer drawer(key, Duration::milliseconds(15000));
  CHECK(hex(drawer.at(0, 0)) == "4bbcfb48705697b15ae779a2b67f94e9");
  CHECK(hex(drawer.at(118802822, 0)) == "b05ab5e72bd0c2a8e9d5737928b07fd7");
  CHECK(hex(drawer.at(118802822, 1)) == "c81551968366388be7b8e60d8c6ef72f");
  CHECK(hex(TokenDrawer(key, Duration::milliseconds(30000)).at(118802822, 0)) ==
        "de6314cf7cc8e17e56b0e26c5daa8fea");
  CHECK(to_base64(token_key(host_key(kMaster, "web1.example"), "alice", 2)) ==
        "aORW+a4r5CrmVcS2raF1B7AmFMu5/Ml/+6VqXmVoCUI=");
  CHECK(to_base64(token_key(host_key(kMaster, "web2.example"), "alice", 1)) ==
        "iUO14S3o5orcKQFhRru6BzD2V3lkxI0OeD9nJCNO4wc=");
}

TEST_CASE("token: windows are counted from 1970, and days from their beginnings") {
  const Duration period = Duration::milliseconds(15000);
  CHECK(window_at(period, UnixTime(-5)) == 0);
  CHECK(window_at(period, UnixTime(14999)) == 0);
  CHECK(window_at(period, UnixTime(15000)) == 1);
  CHECK(start_of(period, 4) == UnixTime(60000));
  CHECK(day_of(period, 5759) == 0);
  CHECK(day_of(period, 5760) == 1);
}

TEST_CASE("token: as many at once as there are windows from skew ago to ahead") {
  CHECK(tokens_at_once(Token{}) == 49);
}
