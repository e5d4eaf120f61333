#include "crypto/crypto.hpp"

#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "knockwork/diagnostic.hpp"

namespace knockwork::crypto {
namespace {

const std::uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace

Digest sha256(std::string_view text) {
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, text.size(), bytes(text));
  Digest digest{};
  sha256_digest(&context, digest.size(), digest.data());
  return digest;
}

std::string to_hex(const Digest& digest) {
  std::string hex;
  for (const std::uint8_t byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 0xf];
  }
  return hex;
}

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Hmac::Hmac(std::string_view key) : context_() { hmac_sha256_set_key(&context_, key.size(), bytes(key)); }

Hmac::~Hmac() { wipe(&context_, sizeof context_); }

Digest Hmac::of(std::string_view message) {
  hmac_sha256_update(&context_, message.size(), bytes(message));
  Digest digest{};
  hmac_sha256_digest(&context_, digest.size(), digest.data());  // and begins anew with the same key
  return digest;
}

std::string to_base64(std::string_view data) {
  std::string encoded(BASE64_ENCODE_RAW_LENGTH(data.size()), '\0');
  base64_encode_raw(encoded.data(), data.size(), bytes(data));
  return encoded;
}

std::optional<std::string> from_base64(std::string_view text) {
  base64_decode_ctx context;
  base64_decode_init(&context);
  std::string decoded(BASE64_DECODE_LENGTH(text.size()), '\0');
  std::size_t size = decoded.size();
  const bool taken = base64_decode_update(&context, &size, reinterpret_cast<std::uint8_t*>(decoded.data()),
                                          text.size(), text.data()) == 1 &&
                     base64_decode_final(&context) == 1;
  decoded.resize(size);
  // nettle passes over blanks, and over bits behind the last byte.
  if (!taken || to_base64(decoded) != text) return std::nullopt;
  return decoded;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t at = 0; at < count;) {
    const ssize_t got = ::getrandom(bytes.data() + at, count - at, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw SystemError(std::string("the system has no random bytes: ") + std::strerror(errno));
    at += static_cast<std::size_t>(got);
  }
  return bytes;
}

void wipe(void* bytes, std::size_t size) { ::explicit_bzero(bytes, size); }

}  // namespace knockwork::crypto
