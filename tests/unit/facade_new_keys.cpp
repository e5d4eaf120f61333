// Whether a host takes the keys that a rotation brings.
#include "catch.hpp"
#include "facade/new_keys.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/knockwork.hpp"

namespace knockwork {
namespace {

constexpr const char* kFile = "/etc/knockwork/secret";
constexpr const char* kOld = "master:MDEyMzQ1Njc4OWFiY2RlZg==\n";
constexpr const char* kOther = "master:ZmVkY2JhOTg3NjU0MzIxMA==\n";

Spec declared(const std::string& drawn) {
  const std::string text = "knockwork: 1\nsequences:\n  - {name: a, opens: [22/tcp], " + drawn + "}\n";
  return with_record(load({{Source::Kind::declaration, "t.yml", text}}), {{3, 4}});
}

// What is said of other keys from this epoch on, behind the old ones.
std::string refused(const std::string& drawn, Epoch from) {
  const std::string added = std::string(kOld) + std::to_string(from) + ' ' + kOther;
  try {
    check_new_keys(declared(drawn), {kFile, from == 0 ? kOther : added}, kOld);
    return "";
  } catch (const SystemError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("new keys: none may change what a host accepts, whatever draws it") {
  const std::string knocks = "the new keys for /etc/knockwork/secret would change the knocks of epoch ";
  const std::string derive = "derive: {secret_file: /etc/knockwork/secret, length: 3";
  CHECK(
      refused(derive + "}", 0) ==
      knocks +
          "3, which this host accepts: add the new secret to the old ones with `knockwork derive new-secret "
          "FILE --from-epoch 5`; nothing was changed");
  for (const char* more : {"}", ", host: web1}"}) {  // without a name it is this host's own
    CAPTURE(more);
    CHECK(refused(derive + more, 4).starts_with(knocks + "4,"));
    CHECK(refused(derive + more, 5).empty());
  }
  CHECK(refused(derive + ", epoch: 7, accepts: [2, 7]}", 7).starts_with(knocks + "7,"));
  CHECK(refused(derive + ", epoch: 7, accepts: [2, 7]}", 8).empty());
  CHECK(refused(derive + ", period: 1d, overlap: 1h}", 5).starts_with(knocks));  // some 20,000 since 1970
  CHECK(refused(derive + ", period: 1d, overlap: 1h}", 1'000'000).empty());
}

TEST_CASE("new keys: a token's key is that of its serial") {
  const std::string token = "token: {port: 41873, secret_file: /etc/knockwork/secret";
  for (const char* more : {", serial: 2}", ", serial: 2, host: web1}"}) {
    CAPTURE(more);
    CHECK(refused(token + more, 2).find("would change the tokens of serial 2, which this host accepts") !=
          std::string::npos);
    CHECK(refused(token + more, 3).empty());
  }
}

TEST_CASE("new keys: those of another host are refused in the words of the file") {
  const std::string key = "host:web2:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
  const Spec spec = declared("derive: {secret_file: /etc/knockwork/secret, length: 3, host: web1}");
  CHECK_THROWS_WITH(check_new_keys(spec, {kFile, key}, kOld),
                    containing("contains the key of web2, not of web1"));
  CHECK_NOTHROW(check_new_keys(spec, {kFile, kOld}, kOld));
  CHECK(check_new_keys(spec, {kFile, kOther}, std::nullopt).empty());
}

TEST_CASE("new keys: a file that sequences do not read is another one's, or comes before the first of them") {
  for (const char* drawn :
       {"derive: {secret_file: /etc/other, length: 3}", "token: {port: 41873, secret_file: /s}"}) {
    CAPTURE(drawn);
    CHECK_THROWS_WITH(
        check_new_keys(declared(drawn), {kFile, kOld}, std::nullopt),
        "no sequence of this host reads /etc/knockwork/secret: set `secret_file` to the file that they "
        "read; nothing was changed");
  }
  CHECK(check_new_keys(declared("knock: [7000, 8000]"), {kFile, kOld}, std::nullopt) ==
        std::vector<std::string>{"no sequence of this host reads /etc/knockwork/secret yet"});
}

}  // namespace knockwork
