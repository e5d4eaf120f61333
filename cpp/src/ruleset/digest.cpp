#include "ruleset/digest.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

namespace knockwork {

std::uint64_t hash(const std::string& text) {
  unsigned char bytes[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes);
  std::uint64_t value = 0;
  for (int at = 0; at < 8; ++at) value = value << 8 | bytes[at];
  return value;
}

std::string short_digest(const std::string& text) { return fmt::format("{:016x}", hash(text)); }

}  // namespace knockwork
