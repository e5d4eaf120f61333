// How names, addresses and times stand in texts for people.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace knockwork {

// Which of `known` a mistyped word was probably meant to be; nothing where none is near.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& known);

// The order of names in which `ssh#2` stands before `ssh#10`.
bool natural_less(std::string_view one, std::string_view other);
// The order of sources by their values, IPv4 before IPv6; what is no address comes last.
bool source_less(std::string_view one, std::string_view other);

// What is left of a time, rounded up to whole seconds, in two units at most: "5m", "1h30m", "2d4h".
std::string time_left(std::chrono::milliseconds time);

}  // namespace knockwork
