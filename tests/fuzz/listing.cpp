// Any bytes as what `nft list table` might print: read, or refused as no such listing.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "ruleset/ruleset.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    knockwork::parse_listing(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const std::logic_error&) {
    throw;  // a fault of ours
  } catch (const std::runtime_error&) {
  }
  return 0;
}
