// HKDF's expansion (RFC 5869, 2.3) over HMAC-SHA256.
#pragma once

#include <cstdint>
#include <string_view>

#include "crypto/crypto.hpp"

namespace knockwork::derivation {

// The bytes T(1) | T(2) | … of HKDF-Expand, one after the other, as long as they last: 255 blocks.
class Expansion {
 public:
  // `info` stays the caller's and in place.
  Expansion(crypto::Hmac& key, std::string_view info) : key_(key), info_(info) {}

  std::uint32_t next32();  // the next four bytes, the most significant first

 private:
  void next_block();

  crypto::Hmac& key_;
  std::string_view info_;
  crypto::Digest block_{};
  std::size_t at_ = sizeof(crypto::Digest);
  unsigned blocks_ = 0;
};

}  // namespace knockwork::derivation
