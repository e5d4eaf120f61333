// Remove: the gate is gone, and its grants are saved.
#include <fmt/format.h>

#include "apply/warnings.hpp"
#include "commit/carry_out.hpp"
#include "host/clocks.hpp"
#include "host/files.hpp"
#include "host/lock.hpp"
#include "knockwork/kernel.hpp"
#include "records/in_doubt.hpp"
#include "records/kept_answers.hpp"
#include "records/last_good.hpp"
#include "report/fingerprint.hpp"
#include "undo/rollback.hpp"

namespace knockwork {
namespace {

Plan removal(const LiveTable& live, const Settings& settings) {
  Plan plan = plan_removal("");
  const Shown shown = Fingerprints::of_this_host(MissingKey::do_without).shown(settings.ports);
  for (const Track& track : decompile(live.ruleset)) {
    plan.changes.push_back(
        {Change::Kind::remove, "sequence", track.name, describe(track, shown), "",
         track.services.empty() ? "" : "opens to everyone: " + shown.services(track.services)});
  }
  plan.warnings = removal_warnings(live);
  return plan;
}

// Who removes the table wants its services open, whether or not there is room for this.
void save_grants(const LiveTable& live, std::vector<std::string>& warnings) {
  try {
    write_saved({wall_clock(), worth_keeping(live)});
  } catch (const SystemError& error) {
    warnings.push_back(fmt::format("grants and spent uses are lost: {}", after_a_change(error)));
  }
}

// Nothing brings a removed gate back.
void forget_gate(std::vector<std::string>& warnings, Kernel& kernel) {
  note_stand_in("");
  keep_answers(std::nullopt);
  try {
    note_removed(kernel.generation().boot);
  } catch (const SystemError& error) {
    warnings.push_back(fmt::format("an unattended apply may load the gate again: {}", after_a_change(error)));
  }
  try {
    forget_last_good();
    forget_in_doubt();
  } catch (const SystemError& error) {
    warnings.emplace_back(error.what());
  }
}

}  // namespace

Report remove(Execution execution, Kernel& kernel, const Settings& settings) {
  std::optional<Lock> lock;
  Report report;
  if (execution == Execution::apply) {
    lock.emplace(settings.lock_timeout);
    report = settle_pending("", kernel, settings);
  }
  Reading reading{read_ours(kernel), {}};
  if (!reading.live) {
    if (execution == Execution::apply) forget_gate(report.warnings, kernel);
    return report;
  }
  Plan plan = removal(*reading.live, settings);
  if (execution == Execution::check) {
    add(report, report_of(plan));
    return report;
  }
  save_grants(*reading.live, report.warnings);
  note_in_doubt("");
  carry_out(std::move(plan), std::move(reading), {}, deed("remove", settings), report, kernel);
  forget_gate(report.warnings, kernel);
  return report;
}

}  // namespace knockwork
