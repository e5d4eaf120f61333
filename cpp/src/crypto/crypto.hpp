// SHA-256, HMAC, base64 and random bytes: the only user of nettle, which is small enough to be a
// part of the one command that runs on every release.
#pragma once

#include <nettle/hmac.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace knockwork::crypto {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view text);
std::string to_hex(const Digest& digest);
std::string_view view(const Digest& digest);

// HMAC-SHA256 (RFC 2104), with a key whose state is computed once.
class Hmac {
 public:
  explicit Hmac(std::string_view key);
  Hmac(Hmac&&) noexcept = default;
  Hmac& operator=(Hmac&&) noexcept = default;
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;
  ~Hmac();

  Digest of(std::string_view message);

 private:
  hmac_sha256_ctx context_;
};

std::string to_base64(std::string_view data);
// nullopt where it is not base64 as RFC 4648 has it, padding included.
std::optional<std::string> from_base64(std::string_view text);

// From the kernel. Throws SystemError where it gives none.
std::string random_bytes(std::size_t count);

// Overwrites what was secret, also where nothing reads it afterwards.
void wipe(void* bytes, std::size_t size);
inline void wipe(std::string& bytes) { wipe(bytes.data(), bytes.size()); }

}  // namespace knockwork::crypto
