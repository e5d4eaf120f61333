// Drift: the live table differs from what was last applied, since another program or a hand changed it.
#pragma once

#include <functional>
#include <string>

#include "knockwork/report.hpp"

namespace knockwork {

class Commits;
class Kernel;

// What differs from the last apply, whatever the declaration says by now; applied, it is put back, with the
// tokens and, where they were saved, the grants. Nothing differs where nothing was applied or where the gate
// was removed. While an apply waits for its confirmation, a table that is missing or was changed makes it
// roll back, and so does the end of its time. Throws SystemError.
Report drift(Execution execution, Kernel& kernel, const Settings& settings);

// A report of drift() for people: what the table lacks or has too much (marked as a repair puts it back), and
// that it is drift.
std::string drift_text(const Report& report, Execution execution);

// Repairs at once and whenever somebody may have changed the table; never returns. A failed repair is tried
// again every second. `show` gets each report with changes or with new warnings.
[[noreturn]] void keep_repairing(Kernel& kernel, Commits& commits, const Settings& settings,
                                 const std::function<void(const Report&)>& show);

}  // namespace knockwork
