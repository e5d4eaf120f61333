#include "values/host_names.hpp"

#include <unistd.h>

#include <array>

#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "text/ascii.hpp"
#include "values/values.hpp"

namespace knockwork {

std::optional<std::string> derivation::normal_host(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > spec::kLongestHost) return std::nullopt;
  std::string normal;
  for (const char byte : name) {
    if (!is_letter_or_digit(byte) && byte != '.' && byte != '-' && byte != '_') return std::nullopt;
    normal += to_lower(byte);
  }
  return normal;
}

std::string own_host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  const auto normal = derivation::normal_host(name.data());
  if (!normal) throw SystemError("this host has no name: set one, or set `host` in `derive`");
  return *normal;
}

std::string host_of(const Derivation& derivation) {
  return derivation.host.empty() ? own_host_name() : derivation.host;
}

}  // namespace knockwork
