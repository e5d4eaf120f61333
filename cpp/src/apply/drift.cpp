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
#include "records/kept_answers.hpp"
#include "records/last_good.hpp"
#include "records/repairs.hpp"
#include "records/stamp.hpp"
#include "ruleset/on_demand/stand_in.hpp"
#include "undo/rollback.hpp"

namespace knockwork {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// What was last applied, answers to others as it had them; nothing where nothing was, or the gate was
// removed.
std::optional<Wanted> last_applied() {
  std::optional<Ruleset> last = read_last_good();
  if (!last) return std::nullopt;
  const bool stands_in = stand_in_note().has_value();
  Wanted wanted(std::move(*last));
  if (stands_in) wanted.ruleset = as_stand_in(std::move(wanted.ruleset));
  wanted.adapts = !kept_answers().empty();
  return wanted;
}

// Nobody can confirm a table that is gone.
Report without_the_unconfirmed(const Pending& pending, Execution execution, Kernel& kernel,
                               const Settings& settings) {
  Report report;
  if (kernel.read()) return report;
  const std::string text = fmt::format("apply {} waits for confirmation, and its table is gone", pending.id);
  if (execution == Execution::check) {
    report.changed = true;
    report.warnings.push_back(text);
    return report;
  }
  report = roll_back(pending, kernel, settings);
  report.warnings.insert(report.warnings.begin(), text + ": it was rolled back");
  return report;
}

// A program that commits without end costs no more than a quarter of a processor, and waits a second at most.
steady_clock::duration pause_after(steady_clock::duration took) {
  return std::min<steady_clock::duration>(3 * took, 1s);
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
  const std::optional<Wanted> wanted = last_applied();
  if (!wanted || stamped(kernel.generation(), digest(wanted->ruleset))) return report;
  if (execution == Execution::check) return plan(*wanted, kernel, settings);
  converge(*wanted, {"repair", ""}, report, kernel, settings);
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
    if (!failed) commits.wait();
  }
}

}  // namespace knockwork
