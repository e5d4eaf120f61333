// Revoking on the live kernel, beside an apply or without one.
#pragma once

#include "facade/revocation.hpp"

namespace knockwork {

// What `live` has and `wanted` has not, or otherwise: the retired sequences of an apply.
Retirement retired(const LiveTable& live, const Program& wanted);

Surroundings look_around(Kernel& kernel, const Settings& settings);

// The objects for severed connections, where the table lacks them.
void add_severed(Transaction& transaction, const Ruleset& live, const Ruleset& goal);

// In a report's words.
void tell(const Taken& taken, Report& report);

// After the commit: the sockets of this host close, and what was saved forgets.
void finish(const Taken& taken, const Retirement& what, const Program& program, Kernel& kernel);

// Once more, until nothing is left: who was just connecting may have got in before the commit.
void sweep(const Retirement& what, const Program& stays, Report& report, Kernel& kernel,
           const Settings& settings);

}  // namespace knockwork
