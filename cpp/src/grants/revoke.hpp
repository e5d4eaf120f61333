// Revoking on the live kernel, beside an apply or without one.
#pragma once

#include "knockwork/knockwork.hpp"
#include "ruleset/revocation/revocation.hpp"

namespace knockwork {

// The connections of this host now. Throws SystemError.
Traffic traffic_of(Kernel& kernel, const Settings& settings);

// Until nothing is left: who was just connecting may have got in before the commit. `stays` is whose
// always_allow counts on.
void revoke_until_none_is_left(const Retirement& what, const Program& stays, Report& report, Kernel& kernel,
                               const Settings& settings);

// Saves what packets and hands have made of the table, so that what was just taken or given survives its
// loss. What cannot be written is a warning.
void keep_state(Kernel& kernel, std::vector<std::string>& warnings);

}  // namespace knockwork
