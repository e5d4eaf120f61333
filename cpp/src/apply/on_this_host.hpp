// A declaration with what this host has: its interfaces, its flowtables.
#pragma once

#include "derive/records/clock.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"

namespace knockwork {

// With the interfaces by their real names. Throws SystemError where none of those exists, unless that is
// allowed.
InForce on_this_host(InForce now, Kernel& kernel, const Settings& settings);

}  // namespace knockwork
