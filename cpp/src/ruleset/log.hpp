// What the rules say to nflog, and `knockwork watch` listens for.
#pragma once

#include <cstdint>
#include <string_view>

namespace knockwork {

inline constexpr std::uint16_t kLogGroup = 7411;
inline constexpr std::string_view kLogGrant = "knockwork grant";
inline constexpr std::string_view kLogWrong = "knockwork wrong";

}  // namespace knockwork
