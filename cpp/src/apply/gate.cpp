// Plan, apply and remove: the order in which things happen, and nothing else.
#include "apply/gate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "apply/interfaces.hpp"
#include "apply/spelling.hpp"
#include "apply/table.hpp"
#include "apply/warnings.hpp"
#include "derive/records/clock.hpp"
#include "grants/revoke.hpp"
#include "host/clocks.hpp"
#include "knockwork/kernel.hpp"
#include "plan/explain.hpp"
#include "plan/plan.hpp"
#include "records/kept_answers.hpp"
#include "records/last_good.hpp"
#include "records/stamp.hpp"
#include "records/state.hpp"
#include "report/fingerprint.hpp"
#include "ruleset/on_demand/answers.hpp"
#include "ruleset/on_demand/severed.hpp"
#include "ruleset/ruleset.hpp"
#include "surroundings/surroundings.hpp"
#include "undo/revert.hpp"
#include "undo/way_in.hpp"

namespace knockwork {
namespace {

constexpr const char* kSavedState = "saved";  // the name of that change in a report

// Wanted: what a declaration compiles to.
struct Wanted {
  explicit Wanted(const Spec& spec)
      : program(compile(spec)), ruleset(compile(program)), adapts(spec.refuse == Refuse::automatic) {}
  explicit Wanted(Ruleset kept) : program(program_of(kept)), ruleset(std::move(kept)) {}
  Program program;
  Ruleset ruleset;
  bool adapts = false;   // what is refused is answered as other firewalls answer at closed ports
  std::string declared;  // with confirm_within: a digest of the declaration, whatever the epoch
};

// Says what would be done, on the live table as it was read.
Report report(const Wanted& wanted, const Ruleset& target, const std::optional<LiveTable>& live,
              const Transaction& transaction, const Settings& settings, MissingKey missing) {
  Report report;
  report.changed = !transaction.empty();
  if (!report.changed) return report;
  const Shown shown = Fingerprints::of_this_host(missing).shown(settings.ports);
  report.changes = explain(pointer(live), wanted.program, target, transaction, shown);
  report.must_knock = must_knock_again(wanted.program, pointer(live), settings.ssh_connection);
  if (!report.must_knock.empty()) report.warnings.push_back(way_back_warning(report.must_knock));
  return report;
}

// With what there is to say about the clock.
Report warned(Report report, const InForce& now) {
  report.warnings.insert(report.warnings.begin(), now.warnings.begin(), now.warnings.end());
  return report;
}

// With what a flowtable of this host would let go on.
void warn_of_offload(std::vector<std::string>& warnings, const Spec& spec, Kernel& kernel) {
  const bool cuts = std::any_of(spec.sequences.begin(), spec.sequences.end(), [](const Sequence& sequence) {
    return sequence.on_expiry == OnExpiry::cut && !sequence.to.empty();
  });
  if (!cuts) return;
  for (std::string& warning : offload_warnings(kernel.flowtables())) warnings.push_back(std::move(warning));
}

// Says what they spoil; returns what the gate answers as they do.
std::vector<Answered> warn_of_others(std::vector<std::string>& all, const std::vector<OtherTable>& others,
                                     const Wanted& wanted) {
  std::vector<Answered> given;
  if (wanted.adapts) given = imitated(others, wanted.program);
  for (std::string& warning : warnings(others, wanted.program, given)) all.push_back(std::move(warning));
  return given;
}

// What is wanted beside what other firewalls do with the same packets.
struct Beside {
  Ruleset ruleset;
  std::optional<std::vector<Answered>> seen;  // what the gate has to answer as they do; nothing: not known
};

// What cannot be read of other firewalls stops no gate: then it answers as before.
Beside beside_others(const Wanted& wanted, Report& report, Kernel& kernel) {
  try {
    const std::vector<Answered> given =
        warn_of_others(report.warnings, parse_others(kernel.others()), wanted);
    if (wanted.adapts) return {with_answers(wanted.ruleset, given), given};
  } catch (const SystemError& error) {
    report.warnings.push_back(fmt::format("other firewalls were not checked: {}", error.what()));
    if (wanted.adapts) return {with_answers(wanted.ruleset, kept_answers()), {}};
  }
  return {wanted.ruleset, {}};
}

// At a start of the host the others may not stand yet: then as they did before.
Beside as_before(const Wanted& wanted, Beside beside) {
  if (!wanted.adapts || !beside.seen || !beside.seen->empty()) return beside;
  const std::vector<Answered> before = kept_answers();
  if (before.empty()) return beside;
  return {with_answers(std::move(beside.ruleset), before), {}};
}

// With the interfaces that this host has.
InForce on_this_host(InForce now, Kernel& kernel, const Settings& settings) {
  warn_of_offload(now.warnings, now.spec, kernel);
  if (now.spec.interfaces.empty() && now.spec.public_rules.empty()) return now;
  const std::vector<Link> links = kernel.links();
  now.spec = by_real_names(std::move(now.spec), links);
  if (settings.asked == Asked::by_someone && settings.absent == Absent::refused) {
    refuse_if_none_exists(now.spec.interfaces, links);
  }
  for (std::string& warning : interface_warnings(now.spec.interfaces, now.spec.public_rules, links)) {
    now.warnings.push_back(std::move(warning));
  }
  return now;
}

// A new table takes up what was saved of the one before.
void restore(Report& report, Transaction& transaction, const Ruleset& wanted) {
  const std::optional<Saved> saved = read_saved(report.warnings);
  if (!saved) return;
  std::size_t grants = 0, spent = 0;
  Restored past = restored(*saved, wanted, wall_clock());
  tell_refused(past, report.warnings);
  for (CarryElements& action : past.actions) {
    if (action.set.starts_with("holders")) grants += action.elements.size();
    if (action.set == "spent") spent += action.elements.size();
    transaction.actions.emplace_back(std::move(action));
  }
  if (grants + spent == 0) return;
  report.changes.push_back(
      {Change::Kind::add, "state", kSavedState, "",
       fmt::format("{} grant{} restored, {} spent", grants, grants == 1 ? "" : "s", spent), ""});
}

// What is to be forgotten may expire between the listing and the commit, and a delete then finds nothing.
bool forgets(const Transaction& transaction) {
  return std::any_of(transaction.actions.begin(), transaction.actions.end(),
                     [](const Action& action) { return std::holds_alternative<ForgetElements>(action); });
}

void commit_again_if_forgotten(const Transaction& transaction, Kernel& kernel) {
  try {
    kernel.commit(transaction);
  } catch (const SystemError&) {
    if (!forgets(transaction)) throw;
    kernel.commit(transaction);
  }
}

// Commits; a gate without its past, which are the actions from `past` on, is better than none.
void commit(Transaction& transaction, std::size_t past, Report& done, Kernel& kernel) {
  try {
    return commit_again_if_forgotten(transaction, kernel);
  } catch (const SystemError& error) {
    if (past >= transaction.actions.size()) throw;
    done.warnings.push_back(fmt::format("saved grants and spent uses are ignored: {}", error.what()));
  }
  transaction.actions.resize(past);
  std::erase_if(done.changes, [](const Change& change) { return change.name == kSavedState; });
  kernel.commit(transaction);
}

// The same transaction takes back what the retired sequences gave. `target` becomes what the table is then.
Taken commit_retiring(const Wanted& wanted, const Retirement& gone, const LiveTable& live, Ruleset& target,
                      Kernel& kernel, const Settings& settings) {
  const Surroundings around = look_around(kernel, settings);
  return commit_taking(kernel, [&](Fit fit) {
    Taken revoked = taken(live, gone, wanted.program, around, fit);
    if (!revoked.flows.empty()) target = with_severed(std::move(target), wanted.program);
    Transaction transaction = difference(&live, target);
    take(transaction, revoked, target);
    return std::pair(std::move(transaction), std::move(revoked));
  });
}

// Commits what `wanted` needs, and adds to the report. With confirm_within the
// way back is armed before: whatever becomes of this process then, the host is
// what it was, or will be again.
void bring_about(const Wanted& wanted, Report& done, Kernel& kernel, const Settings& settings) {
  const std::string digest_of_wanted = digest(wanted.ruleset);
  if (stamped(kernel.generation(), digest_of_wanted)) return;
  Transaction transaction;
  std::optional<Armed> armed;
  Beside wished;
  Ruleset target;
  Generation before;
  Retirement gone;
  Taken revoked;
  std::size_t past = SIZE_MAX;  // where what was saved begins in the transaction
  {
    Reading reading = read_steady(kernel);
    refuse_if_not_ours(reading.live);
    before = reading.generation;
    wished = beside_others(wanted, done, kernel);
    if (settings.asked == Asked::by_the_system && !reading.live)
      wished = as_before(wanted, std::move(wished));
    target = goal(wished.ruleset, wanted.program, reading.live);
    if (reading.live) recognise(*reading.live, target, kernel);
    transaction = difference(pointer(reading.live), target);
    if (wished.seen) keep_answers(*wished.seen);
    const bool looked = wished.seen || !wanted.adapts;
    if (transaction.empty()) return stamp(looked ? reading.generation : Generation{}, digest_of_wanted);
    add(done, report(wanted, target, reading.live, transaction, settings,
                     settings.asked == Asked::by_someone ? MissingKey::make : MissingKey::make_if_possible));
    if (!reading.live) {
      past = transaction.actions.size();
      restore(done, transaction, target);
    }
    if (reading.live && settings.retired == Retired::revoked) gone = retired(*reading.live, wanted.program);
    if (settings.confirm_within) armed.emplace(reading, gone, digest_of_wanted, wanted.declared, settings);
    try {
      if (gone.tracks.empty()) {
        commit(transaction, past, done, kernel);
      } else {
        revoked = commit_retiring(wanted, gone, *reading.live, target, kernel, settings);
      }
    } catch (const SystemError&) {
      if (armed) armed->call_off();
      throw;
    }
  }
  tell(revoked, done);
  transaction.actions.clear();
  if (!gone.tracks.empty()) {
    finish(revoked, gone, wanted.program, kernel);
    sweep(gone, wanted.program, done, kernel, settings);
    target = goal(wished.ruleset, wanted.program, kernel.read());
  }
  const std::string listed = verify(target, kernel, done.warnings);
  // Somebody else may have committed after the look, or nothing was seen: then the next apply looks again.
  if (wanted.adapts && (!wished.seen || kernel.generation().number != before.number + 1))
    stamp({}, digest_of_wanted);
  if (armed) armed->committed(done, listed);
}

}  // namespace

std::string render(const Spec& spec) { return to_nft(Wanted(in_force(spec)).ruleset); }

std::vector<std::string> host_warnings(const Spec& spec, Kernel& kernel) {
  std::vector<std::string> all;
  Spec real = spec;
  if (!spec.interfaces.empty() || !spec.public_rules.empty()) {
    const std::vector<Link> links = kernel.links();
    real = by_real_names(spec, links);
    all = interface_warnings(real.interfaces, real.public_rules, links);
  }
  warn_of_offload(all, spec, kernel);
  try {
    if (const std::vector<OtherTable> others = parse_others(kernel.others()); !others.empty())
      warn_of_others(all, others, Wanted(in_force(real)));
  } catch (const SystemError&) {  // who may not look at them, or has no secret, is told the rest
  }
  return all;
}

Report plan(const Spec& spec, Kernel& kernel, const Settings& settings) {
  const InForce now = on_this_host(resolved(spec, Keep::nothing), kernel, settings);
  const Wanted wanted(now.spec);
  Report planned;
  planned.warnings = pending_warnings();
  if (stamped(kernel.generation(), digest(wanted.ruleset))) return warned(std::move(planned), now);
  std::optional<LiveTable> live = read_ours(kernel);
  const Ruleset target = goal(beside_others(wanted, planned, kernel).ruleset, wanted.program, live);
  if (live) recognise(*live, target, kernel);
  Transaction transaction = difference(pointer(live), target);
  add(planned, report(wanted, target, live, transaction, settings, MissingKey::do_without));
  if (!live) restore(planned, transaction, target);
  return warned(std::move(planned), now);
}

Report apply(const Spec& spec, Execution execution, Kernel& kernel, const Settings& settings) {
  if (execution == Execution::check) return plan(spec, kernel, settings);
  const Lock lock(settings.lock_timeout);
  return apply(spec, lock, kernel, settings);
}

Report apply(const Spec& spec, const Lock&, Kernel& kernel, const Settings& settings) {
  const InForce now = on_this_host(resolved(spec, Keep::record), kernel, settings);
  Wanted wanted(now.spec);
  if (settings.confirm_within) wanted.declared = digest(to_yaml(spec));
  const std::string digest_of_wanted = digest(wanted.ruleset);
  Report done = make_way(digest_of_wanted, kernel, settings);
  if (settings.asked == Asked::by_the_system) {
    if (const auto note = usable_rolled_back(done.warnings);
        note && note->declared == digest(to_yaml(spec))) {
      done.warnings.push_back(fmt::format(
          "apply {} was rolled back, and the declaration has not changed since: the previous table is kept. "
          "Correct the declaration and run `knockwork apply`",
          note->id));
      if (!note->before) return done;
      wanted = Wanted(ruleset_before(*note));
    }
  }
  bring_about(wanted, done, kernel, settings);
  if (!done.pending && !is_pending()) keep_last_good(wanted.ruleset, digest(wanted.ruleset), done.warnings);
  note_stand_in("");
  if (settings.asked == Asked::by_someone && !done.pending) forget_rolled_back();
  return warned(std::move(done), now);
}

void add_stand_in(const Ruleset& ruleset, Report& report, Kernel& kernel, const Settings& settings) {
  Settings plain = settings;
  plain.confirm_within.reset();
  plain.retired = Retired::expire;
  std::optional<Lock> lock;
  try {
    lock.emplace(settings.lock_timeout);
  } catch (const SystemError& error) {  // whoever holds it has not made a gate either
    report.warnings.emplace_back(error.what());
  }
  Wanted wanted(ruleset);
  wanted.ruleset = as_stand_in(std::move(wanted.ruleset));
  bring_about(wanted, report, kernel, plain);
}

Report remove(Execution execution, Kernel& kernel, const Settings& settings) {
  std::optional<Lock> lock;
  Report report;
  if (execution == Execution::apply) {
    lock.emplace(settings.lock_timeout);
    report = make_way("", kernel, settings);
  }
  const std::optional<LiveTable> live = read_ours(kernel);
  if (!live) return report;
  report.changed = true;
  const Shown shown = Fingerprints::of_this_host(MissingKey::do_without).shown(settings.ports);
  report.changes.push_back({Change::Kind::remove, "table", std::string(kTable), "as it is now", "", ""});
  for (const Track& track : decompile(live->ruleset)) {
    report.changes.push_back({Change::Kind::remove, "sequence", track.name, describe(track, shown), "",
                              "opens to everyone: " + shown.services(track.services)});
  }
  for (std::string& warning : removal_warnings(*live)) report.warnings.push_back(std::move(warning));
  if (execution == Execution::check) return report;
  try {
    write_saved(worth_saving(*live, wall_clock()));
  } catch (const SystemError& error) {  // whoever removes the table wants its services open
    report.warnings.push_back(fmt::format("grants and spent uses are lost: {}", error.what()));
  }
  kernel.commit({{DeleteTable{}}});
  note_stand_in("");
  keep_answers({});
  try {
    forget_last_good();
  } catch (const SystemError& error) {
    report.warnings.emplace_back(error.what());
  }
  return report;
}

}  // namespace knockwork
