// What of a section of knockd.conf says when it opens: for those who ask knockd itself.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "knockwork/import.hpp"

namespace knockwork {

using KnockdDoor = std::vector<std::pair<std::string, std::string>>;  // directives and their values

// The section that begins at this line: its knocks, their time and their flags, and no command.
std::optional<KnockdDoor> knockd_door(const ForeignFile& file, int line);

}  // namespace knockwork
