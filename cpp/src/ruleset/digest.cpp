#include "ruleset/digest.hpp"

#include <fmt/format.h>

#include "crypto/crypto.hpp"

namespace knockwork {

std::uint64_t hash(const std::string& text) {
  const crypto::Digest bytes = crypto::sha256(text);
  std::uint64_t value = 0;
  for (std::size_t at = 0; at < 8; ++at) value = value << 8 | bytes[at];
  return value;
}

std::string short_digest(const std::string& text) { return fmt::format("{:016x}", hash(text)); }

}  // namespace knockwork
