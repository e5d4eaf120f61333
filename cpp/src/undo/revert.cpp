#include "undo/revert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "apply/spelling.hpp"
#include "host/clocks.hpp"
#include "host/files.hpp"
#include "plan/explain.hpp"
#include "report/fingerprint.hpp"
#include "ruleset/on_demand/severed.hpp"
#include "undo/timer.hpp"
#include "undo/way_in.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// What was saved and the live table lacks: sets that the new table did not have.
void give_back(const Saved& saved, milliseconds now, const LiveTable* live, const Ruleset& before,
               std::map<std::string, CarryElements>& given) {
  for (CarryElements& action : restored(saved, before, now).actions) {
    CarryElements& all = given.try_emplace(action.set, CarryElements{action.set, {}}).first->second;
    std::set<std::string_view> present;
    if (live != nullptr) {
      const auto stands = live->live.find(action.set);
      if (stands != live->live.end()) {
        for (const LiveElement& element : stands->second) present.insert(element.key);
      }
    }
    std::set<std::string> taken;
    for (const LiveElement& element : all.elements) taken.insert(element.key);
    for (LiveElement& element : action.elements) {
      if (!present.contains(element.key) && !taken.contains(element.key)) {
        all.elements.push_back(std::move(element));
      }
    }
  }
}

void add_grants(Transaction& transaction, const Pending& pending, const std::string& boot,
                const LiveTable* live, const Ruleset& before, std::vector<std::string>& warnings) {
  std::map<std::string, CarryElements> given;
  if (live == nullptr) {  // newer than the note, where the host went down in order
    if (const auto saved = read_saved(warnings)) give_back(*saved, wall_clock(), live, before, given);
  }
  const milliseconds now =
      pending.boot == boot ? pending.grants.at + (boot_clock() - pending.armed) : wall_clock();
  give_back(pending.grants, now, live, before, given);
  for (auto& [set, action] : given) {
    if (!action.elements.empty()) transaction.actions.emplace_back(std::move(action));
  }
}

void bring_back(const Pending& pending, Report& report, Kernel& kernel, const Settings& settings) {
  Ruleset before = ruleset_before(pending);
  {
    Reading reading = read_steady(kernel);
    refuse_if_not_ours(reading.live);
    before = goal(before, program_of(before), reading.live);
    if (reading.live) recognise(*reading.live, before, kernel);
    Transaction transaction = difference(pointer(reading.live), before);
    if (!transaction.empty()) {
      const Shown shown = Fingerprints::of_this_host(MissingKey::do_without).shown(settings.ports);
      report.changes = explain(pointer(reading.live), program_of(before), before, transaction, shown);
    }
    add_grants(transaction, pending, reading.generation.boot, pointer(reading.live), before, report.warnings);
    if (!transaction.empty()) kernel.commit(transaction);
  }
  verify(before, kernel, report.warnings);
}

void take_away(Report& report, Kernel& kernel) {
  const std::optional<LiveTable> live = read_ours(kernel);
  if (!live) return;
  kernel.commit({{DeleteTable{}}});
  report.changes.push_back(
      {Change::Kind::remove, "table", std::string(kTable), "as it is now", "", "there was no table before"});
}

void restore_file(const FileChange& file, Report& report) {
  try {
    const std::optional<std::string> now = read_file(file.path);
    if (now == file.before) return;
    if (now != file.after) {
      report.warnings.push_back(
          fmt::format("{} was changed by someone else in the meantime, and was not restored", file.path));
      return;
    }
    if (file.before) {
      write_file(file.path, *file.before);
    } else {
      remove_file(file.path);
    }
    report.changes.push_back({!file.before  ? Change::Kind::remove
                              : !file.after ? Change::Kind::add
                                            : Change::Kind::change,
                              "file", file.path, file.after ? "as declared (hidden)" : "",
                              file.before ? "as it was (hidden)" : "", "restored"});
  } catch (const SystemError& error) {
    report.warnings.emplace_back(error.what());
  }
}

}  // namespace

Ruleset goal(Ruleset wanted, const Program& program, const std::optional<LiveTable>& live) {
  bool severed = live && has_severed(live->ruleset);
  if (!live) {
    std::vector<std::string> told;  // by whoever restores it
    const std::optional<Saved> saved = read_saved(told);
    severed = saved && std::any_of(saved->sets.begin(), saved->sets.end(),
                                   [](const auto& set) { return set.first.starts_with("severed"); });
  }
  return severed ? with_severed(std::move(wanted), program) : wanted;
}

void add(Report& report, Report more) {
  report.changed = report.changed || more.changed;
  std::move(more.changes.begin(), more.changes.end(), std::back_inserter(report.changes));
  std::move(more.warnings.begin(), more.warnings.end(), std::back_inserter(report.warnings));
  if (!more.must_knock.empty()) report.must_knock = more.must_knock;
}

Report make_way(const std::string& digest, Kernel& kernel, const Settings& settings) {
  Report report;
  const bool watched = settings.asked == Asked::by_someone;
  const std::optional<Pending> pending = watched ? read_pending() : usable_pending(report.warnings);
  if (!pending) return report;
  if (is_over(*pending, kernel.generation().boot, boot_clock())) {
    report.warnings.push_back(
        fmt::format("apply {} was not confirmed: it was rolled back first", pending->id));
    add(report, revert(*pending, kernel, settings));
    return report;
  }
  if (!watched && digest == pending->digest) return report;
  throw SystemError(why_refused(waiting(*pending, boot_clock())));
}

std::vector<std::string> pending_warnings() {
  std::vector<std::string> warnings;
  const std::optional<Pending> pending = read_pending(warnings);
  if (!pending) return warnings;
  const Waiting now = waiting(*pending, boot_clock());
  return {fmt::format(
      "apply {} waits for confirmation and will be rolled back in {} s: this plan assumes that it stays",
      now.id, (now.remaining.count() + 999) / 1000)};
}

Armed::Armed(const Reading& before, const Retirement& revoked, const std::string& digest,
             const std::string& declared, const Settings& settings) {
  pending_.id = new_id();
  pending_.boot = before.generation.boot;
  pending_.at = wall_clock();
  pending_.armed = boot_clock();
  pending_.deadline = pending_.armed + *settings.confirm_within;
  pending_.digest = digest;
  pending_.declared = declared;
  pending_.grants.at = pending_.at;
  if (before.live) {
    pending_.before = to_nft(before.live->ruleset);
    pending_.grants = worth_saving(*before.live, pending_.at);
    forget(pending_.grants, before.live->ruleset, revoked);
  }
  pending_.files = settings.files;
  arm(pending_.id, *settings.confirm_within, [&] { write_pending(pending_); });
}

void Armed::call_off() {
  forget_pending();
  disarm(pending_.id);
}

void Armed::committed(Report& report, const std::string& listed) {
  pending_.listed = listed;
  pending_.committed = boot_clock();
  report.pending = waiting(pending_, *pending_.committed);
  try {
    write_pending(pending_);
  } catch (const SystemError& error) {
    report.warnings.push_back(
        fmt::format("`confirm --fresh` will not work for this apply: {}", error.what()));
  }
}

Report revert(const Pending& pending, Kernel& kernel, const Settings& settings) {
  Report report;
  if (pending.before) {
    bring_back(pending, report, kernel, settings);
  } else {
    take_away(report, kernel);
  }
  for (const FileChange& file : pending.files) restore_file(file, report);
  note_rolled_back();
  report.changed = !report.changes.empty();
  return report;
}

}  // namespace knockwork
