// Our table as it stands, and bringing it to a ruleset: what every change shares.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "plan/plan.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// All throw SystemError.
void refuse_if_not_ours(const std::optional<LiveTable>& live);
std::optional<LiveTable> read_ours(Kernel& kernel);

inline const LiveTable* pointer(const std::optional<LiveTable>& live) { return live ? &*live : nullptr; }

// Reads the table until nobody committed anything in the meantime, so that what
// was read can be stamped with the generation.
struct Reading {
  std::optional<LiveTable> live;
  Generation generation;
};
Reading read_steady(Kernel& kernel);

// Reads back what was just committed, and stamps it. Kernels that cannot alter a set's
// size ignore the request: there the set is made anew with its elements carried over.
// The table stands by now: what its listing does not say is a warning, unless somebody
// else has changed it meanwhile. Returns the digest of the listing where that differs from ours.
std::string verify(const Ruleset& ruleset, Kernel& kernel, std::vector<std::string>& warnings);

}  // namespace knockwork
