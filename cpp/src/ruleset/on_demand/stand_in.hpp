// The mark of a table that stands where the declaration could not be applied.
#pragma once

#include "ruleset/ruleset.hpp"

namespace knockwork {

// An empty chain says in the table itself that it stands in for the declaration: the next apply
// takes it away, whatever files can be written. Pure.
Ruleset as_stand_in(Ruleset ruleset);
bool is_stand_in(const Ruleset& ruleset);

}  // namespace knockwork
