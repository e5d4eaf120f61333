#include "undo/rollback.hpp"

#include <fmt/format.h>

#include "commit/carry_out.hpp"
#include "commit/spelling.hpp"
#include "host/clocks.hpp"
#include "host/files.hpp"
#include "knockwork/words.hpp"
#include "records/in_doubt.hpp"
#include "records/stamp.hpp"
#include "report/fingerprint.hpp"
#include "ruleset/decompile/program_of.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// The table as it stands. One that is in no known spelling is deleted unread.
struct Standing {
  Reading reading;
  bool unread = false;
};

Standing read_standing(Kernel& kernel) {
  const Generation now = kernel.generation();
  try {
    return {read_ours_steady(kernel), false};
  } catch (const UnknownListing&) {
    return {{{}, now}, true};
  }
}

// What was saved and the live table lacks: sets that the new table did not have.
void add_grants(Plan& plan, const LiveSets& sets, milliseconds passed, LiveSets& there) {
  for (CarryElements& action : restored_beside(sets, *plan.target, passed, there).actions) {
    std::vector<LiveElement>& stands = there[action.set];
    stands.insert(stands.end(), action.elements.begin(), action.elements.end());
    plan.transaction.actions.emplace_back(std::move(action));
  }
}

// The grants that the new table dropped, as far as the kernel takes them.
void add_grants(Plan& plan, const Pending& pending, const std::optional<Saved>& saved,
                const Reading& reading) {
  LiveSets there;
  if (reading.live) there = reading.live->live;
  plan.fallback = {plan.transaction, plan.changes, "the previous grants are lost", true};
  const std::size_t without = plan.transaction.actions.size();
  if (saved) add_grants(plan, saved->sets, wall_clock() - saved->at, there);
  const milliseconds passed = pending.boot == reading.generation.boot ? boot_clock() - pending.armed
                                                                      : wall_clock() - pending.grants.at;
  add_grants(plan, pending.grants.sets, passed, there);
  if (plan.transaction.actions.size() == without) plan.fallback.reset();
}

// To the table of before, without its grants.
Plan plan_rollback(const Pending& pending, const std::optional<Saved>& saved, Standing& standing,
                   Kernel& kernel, const Settings& settings) {
  Reading& reading = standing.reading;
  Ruleset before = ruleset_before(pending);
  const Program program = program_of(before);
  before = keeping_severed(std::move(before), program, pointer(reading.live), saved);
  if (reading.live) recognise(*reading.live, before, kernel);
  const auto shown = [&] {
    return Fingerprints::of_this_host(MissingKey::make_if_possible).shown(settings.ports);
  };
  Plan plan = plan_ruleset(pointer(reading.live), program, std::move(before), shown);
  if (standing.unread) plan.transaction.actions.insert(plan.transaction.actions.begin(), DeleteTable{});
  return plan;
}

// What tokens opened before. Where the note does not know it, since there was no record then, what they open
// now counts, as far as the table of before has it.
std::vector<TokenFeed> feeds_before(const Pending& pending, const TokenRecord& record) {
  if (!pending.before) return {};
  if (!pending.tokens.empty()) return pending.tokens;
  return opened_in(program_of(ruleset_before(pending)), present(record));
}

Plan plan_of(const Pending& pending, Standing& standing, Kernel& kernel, const Settings& settings) {
  Plan plan;
  std::vector<std::string> damaged;
  std::optional<Saved> saved;  // newer than the note, where the host went down in order
  if (!standing.reading.live && !standing.unread) saved = read_saved(damaged);
  if (pending.before) {
    plan = plan_rollback(pending, saved, standing, kernel, settings);
  } else if (standing.reading.live || standing.unread) {
    plan = plan_removal("there was no table before");
  }
  plan.warnings = std::move(damaged);
  // Tokens of before may have been used since, and nobody knows.
  const TokenRecord record = read_token_record(plan.warnings);
  add_tokens(plan, feeds_before(pending, record), record, UsedTokens::forgotten, this_moment(),
             NoKey::skipped);
  plan.goes_without_tokens = true;
  if (pending.before) add_grants(plan, pending, saved, standing.reading);
  return plan;
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

Report roll_back(const Pending& pending, Kernel& kernel, const Settings& settings) {
  Standing standing = read_standing(kernel);
  Plan plan = plan_of(pending, standing, kernel, settings);
  Report report;
  carry_out(std::move(plan), std::move(standing.reading), {}, deed("rollback", settings), report, kernel);
  forget_stamp();  // nobody looked at what other firewalls answer now
  for (const FileChange& file : pending.files) restore_file(file, report);
  try {
    note_rolled_back();
  } catch (const SystemError& error) {
    throw SystemError(fmt::format("the table is as it was before apply {}, which cannot be recorded: {}",
                                  pending.id, after_a_change(error)));
  }
  forget_in_doubt();
  report.changed = !report.changes.empty();
  return report;
}

Report settle_pending(const std::string& digest, Kernel& kernel, const Settings& settings) {
  Report report;
  const bool watched = settings.asked == Asked::by_someone;
  const std::optional<Pending> pending = watched ? read_pending() : usable_pending(report.warnings);
  if (!pending) return report;
  if (is_over(*pending, kernel.generation().boot, init_start(), boot_clock())) {
    report.warnings.push_back(
        fmt::format("apply {} was not confirmed: it was rolled back first", pending->id));
    add(report, roll_back(*pending, kernel, settings));
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
      "apply {} waits for confirmation and will be rolled back in {}: this plan assumes that it stays",
      now.id, time_left(now.remaining))};
}

}  // namespace knockwork
