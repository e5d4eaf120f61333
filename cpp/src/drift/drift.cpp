// What another program or a hand did to the table, and how it is put back.
#include "knockwork/drift.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <thread>

#include "apply/apply.hpp"
#include "commit/reading.hpp"
#include "host/clocks.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "records/in_doubt.hpp"
#include "records/last_good.hpp"
#include "records/repairs.hpp"
#include "records/stamp.hpp"
#include "ruleset/on_demand/stand_in.hpp"
#include "undo/rollback.hpp"

namespace knockwork {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// What was last applied; nothing where nothing was, or the gate was removed.
struct Last {
  std::optional<Wanted> wanted;
  std::string doubt;  // why it cannot be told
};

Wanted as_it_was(Ruleset kept, bool stands_in) {
  Wanted wanted(std::move(kept));
  if (stands_in) wanted.ruleset = as_stand_in(std::move(wanted.ruleset));
  return wanted;
}

Last last_applied() {
  std::optional<Ruleset> kept;
  try {
    kept = read_last_good();
  } catch (const SystemError& error) {
    return {{}, error.what()};
  }
  const std::optional<std::string> noted = in_doubt();
  if (noted && noted->empty()) return {};  // it was removed
  if (noted && (!kept || digest(*kept) != *noted))
    return {{}, "the last apply was interrupted or could not be recorded"};
  const bool stands_in = stand_in_note().has_value();
  if (!kept) return {{}, stands_in ? "the gate stands in for a declaration that could not be applied" : ""};
  return {as_it_was(std::move(*kept), stands_in), ""};
}

bool stands_as_applied(const Pending& pending, Kernel& kernel) {
  const std::optional<LiveTable> live = kernel.read();
  if (!live) return false;
  const std::string listed = digest(live->ruleset);
  return listed == pending.digest || listed == pending.listed;
}

// Why an apply that waits is to be rolled back now: nobody can confirm a table that is not what was applied,
// and who was to take it back in time may be gone. Else nothing.
struct Hopeless {
  std::string why, text;
};
std::optional<Hopeless> hopeless(const Pending& pending, Kernel& kernel) {
  if (is_over(pending, kernel.generation().boot, init_start(), boot_clock()))
    return Hopeless{"its time is up", fmt::format("apply {} was not confirmed", pending.id)};
  if (stands_as_applied(pending, kernel)) return std::nullopt;
  return Hopeless{
      "its table differs",
      fmt::format("apply {} waits for confirmation, and its table was changed or is gone", pending.id)};
}

Report without_the_unconfirmed(const Pending& pending, Execution execution, Kernel& kernel,
                               const Settings& settings) {
  Report report;
  const std::optional<Hopeless> found = hopeless(pending, kernel);
  if (!found) return report;
  if (execution == Execution::check) {
    report.changed = true;
    report.changes.push_back({Change::Kind::change, "apply", pending.id, "waits", "rolled back", found->why});
    report.warnings.push_back(found->text);
    return report;
  }
  report = roll_back(pending, kernel, settings);
  report.warnings.insert(report.warnings.begin(), found->text + ": it was rolled back");
  return report;
}

// What was last applied cannot be told: a table that stands is kept, and where none does, the declaration is
// loaded, as at a start of the host.
Report without_a_record(std::string why, Execution execution, Kernel& kernel, const Settings& settings) {
  Report report;
  if (kernel.read()) {
    report.warnings.push_back(why + ": run `knockwork apply`");
    report.incomparable = std::move(why);
    return report;
  }
  if (execution == Execution::apply) return apply_unattended(kDefaultDeclaration, kernel, settings);
  report.changed = true;
  report.changes.push_back({Change::Kind::add, "table", "knockwork", "", "as declared", "no gate is loaded"});
  return report;
}

// A program that commits without end costs no more than a quarter of a processor, and waits a second at most.
steady_clock::duration pause_after(steady_clock::duration took) {
  return std::min<steady_clock::duration>(3 * took, 1s);
}

// Until an apply that waits should be gone, which the process that rolls it back sees to, if it lives.
std::chrono::milliseconds longest_wait() {
  std::vector<std::string> damaged;
  const std::optional<Pending> pending = read_pending(damaged);
  return pending ? std::min<std::chrono::milliseconds>(1h, waiting(*pending, boot_clock()).remaining + 2s)
                 : 1h;
}

// What a large repair needed; this process may sleep for months.
void give_memory_back() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace

Report drift(Execution execution, Kernel& kernel, const Settings& settings) {
  std::optional<Lock> lock;
  if (execution == Execution::apply) lock.emplace(settings.lock_timeout);
  Report report;
  if (const auto pending = read_pending(report.warnings))
    return without_the_unconfirmed(*pending, execution, kernel, settings);
  const Last last = last_applied();
  if (!last.doubt.empty()) {
    lock.reset();  // a start of the host takes it itself
    return without_a_record(last.doubt, execution, kernel, settings);
  }
  if (!last.wanted) {
    report.incomparable = "no gate was applied";
    return report;
  }
  const std::string wanted_digest = digest(last.wanted->ruleset);
  if (stamped(kernel.generation(), wanted_digest)) return report;
  if (execution == Execution::check) return plan(*last.wanted, kernel, settings);
  const bool forgets = has_once(last.wanted->program) && !kernel.read();
  converge(*last.wanted, wanted_digest, {"repair", "", false}, report, kernel, settings);
  if (forgets && report.changed)
    report.warnings.emplace_back("uses of `once` sequences since the last `knockwork save` are forgotten");
  if (report.changed) note_repair(wall_clock());
  return report;
}

void keep_repairing(Kernel& kernel, Commits& commits, const Settings& settings,
                    const std::function<void(const Report&)>& show) {
  std::vector<std::string> said;
  while (true) {
    const auto began = steady_clock::now();
    Report report;
    bool failed = false;
    try {
      report = drift(Execution::apply, kernel, settings);
    } catch (const SystemError& error) {
      report.warnings = {error.what()};
      failed = true;
    }
    if (report.changed || (report.warnings != said && !report.warnings.empty())) show(report);
    said = std::move(report.warnings);
    if (report.changed) give_memory_back();
    std::this_thread::sleep_for(failed ? 1s : pause_after(steady_clock::now() - began));
    while (!failed && !commits.wait(longest_wait()) && !is_pending()) continue;
  }
}

}  // namespace knockwork
