// apply() for those who hold the lock already, because more than the table changes.
#pragma once

#include "host/lock.hpp"
#include "knockwork/knockwork.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

Report apply(const Spec& spec, const Lock& lock, Kernel& kernel, const Settings& settings);

// Loads it where the declaration cannot be (last_good.hpp). Throws SystemError.
void add_stand_in(const Ruleset& ruleset, Report& report, Kernel& kernel, const Settings& settings);

}  // namespace knockwork
