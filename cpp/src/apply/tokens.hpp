// The tokens of what is applied: a part of its plan, or a plan of their own.
#pragma once

#include "apply/other_firewalls.hpp"
#include "plan/plan.hpp"

namespace knockwork {

// Adds them to the plan that makes a table what is wanted.
void add_tokens(Plan& plan, const Wanted& wanted, const LiveTable* live, Kernel& kernel);

// A table that is as it should be, but for tokens that run low.
Plan plan_top_up(const Wanted& wanted, Kernel& kernel);

// Tops up what was applied, whatever is declared by now; nothing where no such table stands. Throws
// SystemError.
void top_up_as_applied(Kernel& kernel, const Settings& settings);

}  // namespace knockwork
