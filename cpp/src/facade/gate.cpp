// Plan, apply and remove: the order in which things happen, and nothing else.
#include <fmt/format.h>

#include <algorithm>

#include "facade/clock.hpp"
#include "facade/fingerprint.hpp"
#include "facade/lock.hpp"
#include "facade/stamp.hpp"
#include "facade/state.hpp"
#include "facade/warnings.hpp"
#include "knockwork/kernel.hpp"
#include "plan/explain.hpp"
#include "plan/plan.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {
namespace {

// Wanted: what a declaration compiles to.
struct Wanted {
  explicit Wanted(const Spec& spec) : program(compile(spec)), ruleset(compile(program)) {}
  Program program;
  Ruleset ruleset;
};

void refuse_if_not_ours(const std::optional<LiveTable>& live) {
  if (live && !live->ours) {
    throw SystemError(fmt::format(
        "there is a table {} that knockwork did not make (its comment is not \"{}\"): it is left alone. "
        "Rename it, or delete it with `nft delete table {}`, and run again",
        kTable, kTableComment, kTable));
  }
}

std::optional<LiveTable> read_ours(Kernel& kernel) {
  std::optional<LiveTable> live = kernel.read();
  refuse_if_not_ours(live);
  return live;
}

const LiveTable* pointer(const std::optional<LiveTable>& live) { return live ? &*live : nullptr; }

// Says what would be done, on the live table as it was read.
Report report(const Wanted& wanted, const std::optional<LiveTable>& live, const Transaction& transaction,
              const Settings& settings, MissingKey missing) {
  Report report;
  report.changed = !transaction.empty();
  if (!report.changed) return report;
  const Shown shown = Fingerprints::of_this_host(missing).shown(settings.ports);
  report.changes = explain(pointer(live), wanted.program, wanted.ruleset, transaction, shown);
  report.warnings = operator_warnings(wanted.program, pointer(live), settings.ssh_connection);
  return report;
}

// With what there is to say about the clock.
Report warned(Report report, const InForce& now) {
  report.warnings.insert(report.warnings.begin(), now.warnings.begin(), now.warnings.end());
  return report;
}

Report unchanged(const InForce& now) { return warned({}, now); }

// Reads the table until nobody committed anything in the meantime, so that what
// was read can be stamped with the generation.
struct Reading {
  std::optional<LiveTable> live;
  Generation generation;
};

Reading read_steady(Kernel& kernel) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const Generation before = kernel.generation();
    Reading reading{kernel.read(), kernel.generation()};
    if (before == reading.generation) return reading;
    if (attempt == kAttempts) return {std::move(reading.live), {}};
  }
}

bool only_sizes(const Transaction& transaction) {
  return std::all_of(transaction.actions.begin(), transaction.actions.end(),
                     [](const Action& action) { return std::holds_alternative<AddSet>(action); });
}

// Reads back. Kernels that cannot alter a set's size ignore the request:
// there the set is made anew with its elements carried over.
void verify(const Ruleset& ruleset, Kernel& kernel) {
  Reading reading = read_steady(kernel);
  Transaction rest = difference(pointer(reading.live), ruleset);
  if (!rest.empty() && reading.live && only_sizes(rest)) {
    kernel.commit(difference(&*reading.live, ruleset, Resize::anew));
    reading = read_steady(kernel);
    rest = difference(pointer(reading.live), ruleset);
  }
  // A packet that was under way may have left a half-done knock of a retired
  // step behind, or a source by its old name; they expire by themselves.
  std::erase_if(rest.actions, [](const Action& action) {
    return std::holds_alternative<ForgetElements>(action) || std::holds_alternative<CarryElements>(action);
  });
  if (!rest.empty()) {
    throw SystemError(
        "the kernel does not hold what was sent: another program changed the table inet knockwork at the "
        "same time, or this version of nftables lists it differently. Run again; if it persists, report "
        "it with the output of `nft --version`");
  }
  stamp(reading.generation, digest(ruleset));
}

// A new table takes up what was saved of the one before.
void restore(Report& report, Transaction& transaction, const Ruleset& wanted) {
  std::optional<Saved> saved;
  try {
    saved = read_saved();
  } catch (const SystemError& error) {  // a gate without its past is better than none
    report.warnings.emplace_back(error.what());
  }
  if (!saved) return;
  std::size_t grants = 0, spent = 0;
  for (CarryElements& action : restored(*saved, wanted, wall_clock())) {
    if (action.set.starts_with("holders")) grants += action.elements.size();
    if (action.set == "spent") spent += action.elements.size();
    transaction.actions.emplace_back(std::move(action));
  }
  if (grants + spent == 0) return;
  report.changes.push_back(
      {Change::Kind::add, "state", "saved", "",
       fmt::format("{} grant{} restored, {} spent", grants, grants == 1 ? "" : "s", spent), ""});
}

}  // namespace

std::string render(const Spec& spec) { return to_nft(Wanted(in_force(spec)).ruleset); }

Report plan(const Spec& spec, Kernel& kernel, const Settings& settings) {
  const InForce now = resolved(spec, Keep::nothing);
  const Wanted wanted(now.spec);
  if (stamped(kernel.generation(), digest(wanted.ruleset))) return unchanged(now);
  const std::optional<LiveTable> live = read_ours(kernel);
  Transaction transaction = difference(pointer(live), wanted.ruleset);
  Report planned = report(wanted, live, transaction, settings, MissingKey::do_without);
  if (!live) restore(planned, transaction, wanted.ruleset);
  return warned(std::move(planned), now);
}

Report apply(const Spec& spec, Execution execution, Kernel& kernel, const Settings& settings) {
  if (execution == Execution::check) return plan(spec, kernel, settings);
  const Lock lock(settings.lock_timeout);
  const InForce now = resolved(spec, Keep::record);
  const Wanted wanted(now.spec);
  if (stamped(kernel.generation(), digest(wanted.ruleset))) return unchanged(now);
  Transaction transaction;
  Report done;
  {
    const Reading reading = read_steady(kernel);
    refuse_if_not_ours(reading.live);
    transaction = difference(pointer(reading.live), wanted.ruleset);
    if (transaction.empty()) {
      stamp(reading.generation, digest(wanted.ruleset));
      return unchanged(now);
    }
    done = report(wanted, reading.live, transaction, settings, MissingKey::make);
    if (!reading.live) restore(done, transaction, wanted.ruleset);
  }
  kernel.commit(transaction);
  transaction.actions.clear();
  verify(wanted.ruleset, kernel);
  return warned(std::move(done), now);
}

Report remove(Execution execution, Kernel& kernel, const Settings& settings) {
  std::optional<Lock> lock;
  if (execution == Execution::apply) lock.emplace(settings.lock_timeout);
  const std::optional<LiveTable> live = read_ours(kernel);
  Report report;
  if (!live) return report;
  report.changed = true;
  const Shown shown = Fingerprints::of_this_host(MissingKey::do_without).shown(settings.ports);
  report.changes.push_back({Change::Kind::remove, "table", std::string(kTable), "as it stands", "", ""});
  for (const Track& track : decompile(live->ruleset)) {
    report.changes.push_back({Change::Kind::remove, "sequence", track.name, describe(track, shown), "",
                              "opens to everyone: " + shown.services(track.services)});
  }
  report.warnings = removal_warnings(*live);
  if (execution == Execution::check) return report;
  try {
    write_saved(worth_saving(*live, wall_clock()));
  } catch (const SystemError& error) {  // whoever removes the table wants its services open
    report.warnings.push_back(fmt::format("grants and spent uses are lost: {}", error.what()));
  }
  kernel.commit({{DeleteTable{}}});
  return report;
}

}  // namespace knockwork
