// Any bytes as a profile: refused with diagnostics, or valid, and then each host that is written down by
// itself reads back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"

namespace {

using namespace knockwork;

std::optional<Profile> read_if_valid(const std::string& text) {
  try {
    return load_profile("fuzz.yml", text);
  } catch (const InvalidDeclaration& refused) {
    if (refused.diagnostics().empty() || to_text(refused.diagnostics()).empty()) std::abort();
  }
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto profile = read_if_valid(std::string(reinterpret_cast<const char*>(data), size));
  if (!profile) return 0;
  for (const ProfileHost& host : profile->hosts) {
    if (load_profile("fuzz.yml", to_yaml(host)).hosts != std::vector{host}) std::abort();
    to_json(host);
  }
  return 0;
}
