// The rollback of an apply that waits for its confirmation.
//
// All of this happens under the lock (host/lock.hpp). A step that is interrupted
// anywhere leaves a note on the disk by which the next one finishes it.
#pragma once

#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "pending/pending.hpp"

namespace knockwork {

// Puts back what the note says; the note becomes that of a rollback.
Report roll_back(const Pending& pending, Kernel& kernel, const Settings& settings);

// Before any change: rolls back what was never confirmed and whose time is over
// (its timer died, or the host did), and reports it. Throws SystemError while
// another apply waits; only the system may apply the very ruleset that
// waits, `digest`, once more: somebody flushed it.
Report settle_pending(const std::string& digest, Kernel& kernel, const Settings& settings);

// One warning where an apply waits: for those who only look.
std::vector<std::string> pending_warnings();

}  // namespace knockwork
