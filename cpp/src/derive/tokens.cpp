// Keys and tokens: docs/tokens.md, "Keys" and "Tokens".
#include <algorithm>

#include "crypto/crypto.hpp"
#include "derive/bytes.hpp"
#include "knockwork/token.hpp"

namespace knockwork {
namespace {

using namespace std::string_view_literals;
using crypto::Hmac;
using derivation::append;
using derivation::view;

constexpr std::string_view kToken = "token\0"sv;
constexpr std::int64_t kDay = 24LL * 3600 * 1000;

TokenKey from_base64(const std::string& text) {
  auto bytes = crypto::from_base64(text);
  HostKey::Bytes key{};
  if (bytes && bytes->size() == key.size()) std::copy(bytes->begin(), bytes->end(), key.begin());
  if (bytes) crypto::wipe(*bytes);
  const TokenKey whole(key);
  crypto::wipe(key.data(), key.size());
  return whole;
}

}  // namespace

TokenKey token_key(const HostKey& host, std::string_view name, std::uint32_t serial) {
  std::string info(kToken);
  info += name;
  info += '\0';
  append(info, serial, 4);
  info += '\1';  // HKDF-Expand's counter: 32 bytes are its first block
  crypto::Digest expanded = Hmac(view(host)).of(info);
  const TokenKey key(expanded);
  crypto::wipe(expanded.data(), expanded.size());
  return key;
}

TokenKey TokenKeys::key(const Token& token, std::string_view name, const std::string& host) {
  if (!token.key.empty()) return from_base64(token.key);
  auto file = files_.find(token.secret_file);
  if (file == files_.end()) file = files_.emplace(token.secret_file, read_secrets(token.secret_file)).first;
  return token_key(file->second.key(token.host.empty() ? host : token.host, token.serial), name,
                   token.serial);
}

std::string to_base64(const TokenKey& key) { return crypto::to_base64(view(key)); }

struct TokenDrawer::State {
  Hmac key;
  std::string head;  // what every message begins with
};

TokenDrawer::TokenDrawer(const TokenKey& key, Duration period) : state_(new State{Hmac(view(key)), "\1"}) {
  append(state_->head, static_cast<std::uint64_t>(period.milliseconds()), 4);
}

TokenDrawer::TokenDrawer(TokenDrawer&&) noexcept = default;
TokenDrawer& TokenDrawer::operator=(TokenDrawer&&) noexcept = default;
TokenDrawer::~TokenDrawer() = default;

TokenBytes TokenDrawer::at(Window window, Losses losses) {
  std::string message = state_->head;
  append(message, losses, 4);
  append(message, window, 8);
  const crypto::Digest digest = state_->key.of(message);
  TokenBytes token{};
  std::copy_n(digest.begin(), token.size(), token.begin());
  return token;
}

Window window_at(Duration period, UnixTime time) {
  return static_cast<Window>(std::max<std::int64_t>(time.count(), 0) / period.milliseconds());
}

UnixTime start_of(Duration period, Window window) {
  return UnixTime(static_cast<std::int64_t>(window) * period.milliseconds());
}

std::uint64_t day_of(Duration period, Window window) {
  return static_cast<std::uint64_t>(start_of(period, window).count() / kDay);
}

}  // namespace knockwork
