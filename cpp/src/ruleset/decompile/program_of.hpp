// What a live ruleset says of the program that it was compiled from.
#pragma once

#include <string>
#include <vector>

#include "ruleset/ruleset.hpp"

namespace knockwork {

// Mode, sequences, public services and entries, always_allow, interfaces, sources, ipv4_prefix,
// ipv6_prefix and how it refuses; the rest has its default. Pure.
Program program_of(const Ruleset& ruleset);

// Whose grant it is, where no sequence of the program has its edge any more.
inline constexpr const char* kRemovedSequence = "a removed sequence";

}  // namespace knockwork
