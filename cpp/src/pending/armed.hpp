// An apply whose rollback is secured before it commits.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "pending/pending.hpp"
#include "ruleset/revocation/revocation.hpp"

namespace knockwork {

// What has to be known to undo an apply.
struct Undo {
  std::chrono::milliseconds confirm_within{0};
  std::string digest;                                    // of the ruleset that is applied
  std::string declared;                                  // of the declaration, whatever the epoch
  std::vector<FileChange> files;                         // that the rollback undoes as well
  std::function<void(const std::string& id)> roll_back;  // called when the time is over
};

class Armed {
 public:
  // Arms the timer, then writes the note. Throws SystemError, leaving nothing. `before` is the table as it
  // was read, null where there was none; what is revoked with the apply does not come back.
  Armed(const LiveTable* before, const std::string& boot, const Retirement& revoked, const Undo& undo);

  // The commit failed: forgets the note, stops the timer.
  void call_off();

  // The table stands: its time begins, and the report says what waits. `listed` is the digest of the
  // table's listing where nftables has other words for it.
  void committed(Report& report, const std::string& listed);

 private:
  Pending pending_;
};

}  // namespace knockwork
