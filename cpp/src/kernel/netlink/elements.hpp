// By netlink: whether sets that a listing shows empty are so. libnftables takes a set for empty where it
// cannot read its elements, and says nothing.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

namespace knockwork {

// Whether one of these sets of an inet table ("inet knockwork") has an element that was there at that time.
// Throws SystemError.
bool had_elements(std::string_view table, const std::vector<std::string_view>& sets,
                  std::chrono::steady_clock::time_point at);

// Whether one of these chains of it has a rule. Throws SystemError.
bool has_rules(std::string_view table, const std::vector<std::string_view>& chains);

}  // namespace knockwork
