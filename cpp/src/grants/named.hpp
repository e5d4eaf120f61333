// What the words of a command mean on a live table.
#pragma once

#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// The one of that name, or the epochs of a derived one, in their order: `ssh` means ssh#41 and ssh#42.
// Throws SystemError if there is none.
std::vector<Track> tracks_named(const LiveTable& live, const std::string& name);

// An address or network. Throws SystemError.
Network source_argument(const std::string& text);

}  // namespace knockwork
