// HMAC-SHA256 (RFC 2104) and HKDF's expansion (RFC 5869, 2.3) over it, with a key whose state
// is computed once. The only user of libcrypto's HMAC for derivation.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_mac_ctx_st;

namespace knockwork::derivation {

using Digest = std::array<std::uint8_t, 32>;

class Hmac {
 public:
  explicit Hmac(std::string_view key);

  Digest of(std::string_view message);

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const;
  };
  std::unique_ptr<evp_mac_ctx_st, Free> context_;
};

// The bytes T(1) | T(2) | … of HKDF-Expand, one after the other, as long as they last: 255 blocks.
class Expansion {
 public:
  // `info` stays the caller's and in place.
  Expansion(Hmac& key, std::string_view info) : key_(key), info_(info) {}

  std::uint32_t next32();  // the next four bytes, the most significant first

 private:
  void next_block();

  Hmac& key_;
  std::string_view info_;
  Digest block_{};
  std::size_t at_ = sizeof(Digest);
  unsigned blocks_ = 0;
};

std::string_view view(const Digest& digest);

}  // namespace knockwork::derivation
