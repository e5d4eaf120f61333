// Revoking on the live kernel, beside an apply or without one.
#pragma once

#include <functional>
#include <utility>

#include "grants/revocation.hpp"

namespace knockwork {

// What `live` has and `wanted` has not, or otherwise: the retired sequences of an apply.
Retirement retired(const LiveTable& live, const Program& wanted);

Surroundings look_around(Kernel& kernel, const Settings& settings);

// In a report's words.
void tell(const Taken& taken, Report& report);

// Commits a transaction that `make` makes: if the kernel has no room for the sources that are to be
// severed, once more with the services as a whole. Returns what was taken.
Taken commit_taking(Kernel& kernel, const std::function<std::pair<Transaction, Taken>(Fit)>& make);

// After the commit: the sockets of this host close, conntrack and what was saved forget.
void finish(const Taken& taken, const Retirement& what, const Program& program, Kernel& kernel);

// Once more, until nothing is left: who was just connecting may have got in before the commit.
void sweep(const Retirement& what, const Program& stays, Report& report, Kernel& kernel,
           const Settings& settings);

}  // namespace knockwork
