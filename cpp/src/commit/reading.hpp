// Our table as it stands in the kernel, and when it stood so.
#pragma once

#include <optional>

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// A table and the generation in which it was read; without a generation where others kept committing.
struct Reading {
  std::optional<LiveTable> live;
  Generation generation;
};

inline const LiveTable* pointer(const std::optional<LiveTable>& live) { return live ? &*live : nullptr; }

// All throw SystemError, and those that say so where a table of that name is not ours.
std::optional<LiveTable> read_ours(Kernel& kernel);  // says so
LiveTable read_gate(Kernel& kernel);                 // says so, and where there is none
// Reads the table until nobody committed anything in the meantime, so that what was read can be
// stamped with the generation.
Reading read_steady(Kernel& kernel);
Reading read_ours_steady(Kernel& kernel);  // says so

}  // namespace knockwork
