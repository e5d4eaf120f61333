// What more than one importer says.
#pragma once

namespace knockwork {

inline constexpr const char* kOneKnock =
    "one knock is no secret, because every port scan sends it: choose a sequence of at least three";
inline constexpr const char* kIncluded = "included files are not read: import each of them";
inline constexpr const char* kWrongKnocks =
    "a wrong knock locks its source out for a while (`wrong_knock`), and so do the ports next to the knocks (`guards`)";

}  // namespace knockwork
