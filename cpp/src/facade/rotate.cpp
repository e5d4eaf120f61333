// A host's epochs and its table, changed together.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apply/apply.hpp"
#include "apply/warnings.hpp"
#include "commit/reading.hpp"
#include "derive/records/epoch_record.hpp"
#include "facade/new_keys.hpp"
#include "host/clocks.hpp"
#include "host/files.hpp"
#include "knockwork/kernel.hpp"
#include "pending/pending.hpp"
#include "records/in_doubt.hpp"
#include "records/last_good.hpp"
#include "records/stamp.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/live/entries.hpp"

namespace knockwork {
namespace {

bool has_to_knock(Kernel& kernel, const Settings& settings) {
  const auto connection = parse_connection(settings.ssh_connection);
  const std::optional<LiveTable> live = read_ours(kernel);
  return connection && live && must_knock(program_of(live->ruleset), *connection);
}

// Retiring shuts out whoever knows only the old epochs: who asks for it has to have come in by
// one that stays.
void refuse_unproved(Epoch epoch, Kernel& kernel, const Settings& settings) {
  const auto connection = parse_connection(settings.ssh_connection);
  const std::optional<LiveTable> live = read_ours(kernel);
  if (!connection || !live) return;
  const Program program = program_of(live->ruleset);
  if (!must_knock(program, *connection)) return;
  const std::vector<Admission> all = admissions_of(*live, program, *connection);
  const bool proved = std::any_of(all.begin(), all.end(), [&](const Admission& each) {
    const Track* track = track_of(program, each.edge);
    const std::optional<Epoch> its = track == nullptr ? std::nullopt : epoch_of(track->name);
    return track != nullptr && (!its || *its >= epoch);
  });
  if (proved) return;
  throw NotProved(fmt::format(
      "{} has not connected with epoch {}: nothing is retired until that is known to work. Knock with it, "
      "reconnect and run again",
      to_string(connection->client), epoch));
}

Change change_of(const EpochRecord& before, const EpochRecord& after, const Rotation& rotation) {
  const std::string why = rotation.phase == Rotation::Phase::retire
                              ? fmt::format("all before {} retired", rotation.epoch)
                              : fmt::format("{} published", rotation.epoch);
  return {Change::Kind::change, "epochs", "accepted", to_text(before), to_text(after), why};
}

// An apply that nobody confirmed and that is gone, or goes with the next one.
std::optional<Pending> unconfirmed(Kernel& kernel) {
  std::vector<std::string> unread;
  if (std::optional<Pending> waits = read_pending(unread)) {
    const bool over = is_over(*waits, kernel.generation().boot, init_start(), boot_clock());
    if (over && waits->files.empty()) return waits;
    return std::nullopt;  // one that is over takes its files back first, and an apply says so
  }
  try {
    return read_rolled_back();
  } catch (const SystemError&) {
    return std::nullopt;
  }
}

// What was rolled back has locked somebody out: with a new epoch it would do so again, and nobody would
// confirm.
void refuse_rolled_back(const Spec& spec, Kernel& kernel) {
  const std::optional<Pending> note = unconfirmed(kernel);
  if (!note || note->declared != digest(to_yaml(spec))) return;
  throw SystemError(fmt::format(
      "apply {} was not confirmed, and the declaration has not changed since: a rotation does not apply it. Correct "
      "it, run `knockwork apply`, and rotate then; nothing was changed",
      note->id));
}

// Nothing was applied, or the gate was removed: what its owner wants open stays so. A table that was lost is
// another matter.
bool has_no_gate(Kernel& kernel) {
  std::vector<std::string> unread;
  return !kernel.read() && !in_doubt() && last_good_digest().empty() && !usable_pending(unread);
}

Report with_the_record_alone(const EpochRecord& before, const EpochRecord& wanted, Execution execution) {
  if (wanted != before && execution == Execution::apply) write_epoch_record(wanted);
  Report report;
  report.warnings.emplace_back(
      "no gate is loaded, since none was applied or it was removed: only the record of epochs changes. `knockwork "
      "apply` loads the gate with these epochs");
  return report;
}

// The record first: an apply that is interrupted is made good by the next, at boot as well.
Report with_the_table(const Spec& spec, const EpochRecord& before, const EpochRecord& wanted,
                      const Lock& lock, Kernel& kernel, const Settings& settings) {
  if (wanted != before) write_epoch_record(wanted);
  try {
    return apply(spec, lock, kernel, settings);
  } catch (...) {
    if (wanted != before) write_epoch_record(before);
    throw;
  }
}

}  // namespace

Report rotate(const Spec& spec, const Rotation& rotation, Execution execution, Kernel& kernel,
              const Settings& given) {
  Settings settings = given;
  settings.absent = Absent::allowed;  // it changes no interface
  const bool check = execution == Execution::check;
  std::optional<Lock> lock;
  if (!check) lock.emplace(settings.lock_timeout);
  const EpochRecord before = read_epoch_record();
  const EpochRecord wanted = check ? foreseen(before, rotation) : after(before, rotation);
  if (wanted != before && rotation.phase == Rotation::Phase::retire && rotation.proof == Proof::fresh &&
      !check) {
    refuse_unproved(rotation.epoch, kernel, settings);
  }
  const bool alone = has_no_gate(kernel);
  if (!alone) refuse_rolled_back(spec, kernel);
  std::optional<NewKeys> keys;
  std::vector<std::string> warnings;
  if (rotation.keys) {
    std::optional<std::string> there = read_private_file(rotation.keys->file);
    warnings = check_new_keys(with_record(spec, before), *rotation.keys, there);
    if (!check && there != rotation.keys->text) keys.emplace(*rotation.keys, std::move(there));
  }
  const bool knocked = has_to_knock(kernel, settings);
  Report report;
  if (alone) {
    report = with_the_record_alone(before, wanted, execution);
  } else if (check) {
    report = plan(with_record(spec, wanted), kernel, settings);
  } else {
    report = with_the_table(spec, before, wanted, *lock, kernel, settings);
  }
  if (keys) keys->keep();
  if (knocked) {  // before as well: this took no way in away
    std::erase(report.warnings, way_back_warning(report.must_knock));
    report.must_knock.clear();
  }
  report.warnings.insert(report.warnings.begin(), warnings.begin(), warnings.end());
  if (wanted != before) {
    report.changes.insert(report.changes.begin(), change_of(before, wanted, rotation));
    report.changed = true;
  }
  return report;
}

}  // namespace knockwork
