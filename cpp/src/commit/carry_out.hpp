// Carries a plan out: the one place that commits.
#pragma once

#include <optional>
#include <string>

#include "commit/reading.hpp"
#include "journal/audit.hpp"
#include "pending/armed.hpp"
#include "plan/plan.hpp"

namespace knockwork {

// Arms the rollback where the plan can be undone, commits, says so in the audit log, ends connections, reads
// back and stamps, in this order: whatever becomes of this process, the host is what it was, or will be
// again. `from` is what the plan was made from. Adds to the report what was done. Throws SystemError, leaving
// the table as it was.
void carry_out(Plan plan, Reading from, const std::optional<Undo>& undo, const Deed& deed, Report& report,
               Kernel& kernel);

}  // namespace knockwork
