// The way back from an apply: armed before it commits, gone when it is confirmed.
//
// All of this happens under the lock (lock.hpp). A step that is interrupted
// anywhere leaves a note on the disk by which the next one finishes it.
#pragma once

#include <string>
#include <vector>

#include "apply/table.hpp"
#include "grants/revocation.hpp"
#include "undo/pending.hpp"

namespace knockwork {

// Before any change: takes back what was never confirmed and whose time is over
// (its timer died, or the host did), and tells so. Throws SystemError while
// another apply waits; only the system may bring about the very ruleset that
// waits, `digest`, once more: somebody flushed it.
Report make_way(const std::string& digest, Kernel& kernel, const Settings& settings);

// One warning where an apply waits: for those who only look.
std::vector<std::string> pending_warnings();

void add(Report& report, Report more);

// What the table is to be: as wanted, and what was severed stays so.
Ruleset goal(Ruleset wanted, const Program& program, const std::optional<LiveTable>& live);

// An apply whose way back is secured.
class Armed {
 public:
  // Arms the timer, then writes the note. Throws SystemError, leaving nothing.
  // What is revoked with the apply does not come back.
  Armed(const Reading& before, const Retirement& revoked, const std::string& digest,
        const std::string& declared, const Settings& settings);
  void call_off();  // nothing was committed
  // The table stands, listed as verify() says: the time of proofs begins.
  void committed(Report& report, const std::string& listed);

 private:
  Pending pending_;
};

// Brings back what the note says; the note becomes that of a rollback.
Report revert(const Pending& pending, Kernel& kernel, const Settings& settings);

}  // namespace knockwork
