// Names of hosts, as keys are made for them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace knockwork::derivation {

// In lower case, without a dot at the end; nullopt where it is none: 1 to 253 letters, digits,
// `.`, `-`, `_`.
std::optional<std::string> normal_host(std::string_view name);
// What is wrong with such a name, for whoever refuses it.
inline constexpr const char* kNotAHost = "not a valid host name: write letters, digits, `.`, `-` and `_`";

}  // namespace knockwork::derivation
