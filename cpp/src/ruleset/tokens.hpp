// The sets that are fed with tokens.
#pragma once

#include <string_view>

namespace knockwork {

inline constexpr std::string_view kTokens = "tokens", kClaimed = "claimed", kUsed = "used", kGood = "good";

}  // namespace knockwork
