#include "pending/armed.hpp"

#include <fmt/format.h>

#include "host/clocks.hpp"
#include "knockwork/diagnostic.hpp"
#include "pending/timer.hpp"

namespace knockwork {

Armed::Armed(const LiveTable* before, const std::string& boot, const Retirement& revoked, const Undo& undo) {
  pending_.id = new_id();
  pending_.boot = boot;
  pending_.init = init_start();
  pending_.at = wall_clock();
  pending_.armed = boot_clock();
  pending_.deadline = pending_.armed + undo.confirm_within;
  pending_.digest = undo.digest;
  pending_.declared = undo.declared;
  pending_.grants.at = pending_.at;
  if (before != nullptr) {
    pending_.before = to_nft(before->ruleset);
    pending_.grants.sets = worth_keeping(*before);
    forget(pending_.grants.sets, before->ruleset, revoked);
    std::vector<std::string> damaged;  // what is damaged is told where it is read to be used
    pending_.tokens = present(read_token_record(damaged));
  }
  pending_.files = undo.files;
  arm(
      pending_.id, undo.confirm_within, [&] { write_pending(pending_); },
      [&] { undo.roll_back(pending_.id); });
}

void Armed::call_off() {
  forget_pending();
  disarm(pending_.id);
}

void Armed::committed(Report& report, const std::string& listed) {
  pending_.listed = listed;
  pending_.committed = boot_clock();
  pending_.committed_awake = awake_clock();
  report.pending = waiting(pending_, *pending_.committed);
  try {
    write_pending(pending_);
  } catch (const SystemError& error) {
    report.warnings.push_back(
        fmt::format("`confirm --fresh` will not work for this apply: {}", error.what()));
  }
}

}  // namespace knockwork
