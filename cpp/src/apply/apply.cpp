// Plan and apply: a declaration becomes a plan, and the plan is carried out.
#include "apply/apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "apply/on_this_host.hpp"
#include "apply/tokens.hpp"
#include "apply/warnings.hpp"
#include "commit/carry_out.hpp"
#include "commit/spelling.hpp"
#include "grants/revoke.hpp"
#include "host/clocks.hpp"
#include "knockwork/kernel.hpp"
#include "records/in_doubt.hpp"
#include "records/kept_answers.hpp"
#include "records/last_good.hpp"
#include "records/stamp.hpp"
#include "report/fingerprint.hpp"
#include "ruleset/on_demand/stand_in.hpp"
#include "undo/rollback.hpp"

namespace knockwork {
namespace {

// With what there is to say about the clock and the interfaces.
Report warned(Report report, const Spec& declared, const InForce& now) {
  report.needs_timer = changes_with_time(declared);
  report.warnings.insert(report.warnings.begin(), now.warnings.begin(), now.warnings.end());
  return report;
}

// Whether a service may be protected no longer: to look costs as much as to read the whole table.
bool may_open(const Plan& plan) {
  return std::any_of(plan.changes.begin(), plan.changes.end(), [](const Change& change) {
    return change.object == "setting" || (change.object == "sequence" && change.kind != Change::Kind::add);
  });
}

struct Planned {
  Plan plan;
  Beside beside;
  Retirement retired;  // what is revoked with it
};

// From the table as it was read, whose words become ours.
Planned plan_of(const Wanted& wanted, Reading& reading, Kernel& kernel, const Settings& settings,
                MissingKey missing) {
  Planned planned;
  std::vector<std::string> warnings;
  planned.beside = beside_others(wanted, warnings, kernel);
  if (settings.asked == Asked::by_the_system && !reading.live)
    planned.beside = as_before(wanted, std::move(planned.beside));
  std::optional<Saved> saved;
  if (!reading.live) saved = read_saved(warnings);
  Ruleset target = keeping_severed(planned.beside.ruleset, wanted.program, pointer(reading.live), saved);
  if (reading.live) recognise(*reading.live, target, kernel);
  Plan& plan = planned.plan;
  const auto shown = [&] { return Fingerprints::of_this_host(missing).shown(settings.ports); };
  plan = plan_ruleset(pointer(reading.live), wanted.program, std::move(target), shown);
  plan.warnings = std::move(warnings);
  const bool tokens_alone = plan.empty();
  add_tokens(plan, wanted, pointer(reading.live), kernel);
  if (tokens_alone) return planned;
  if (reading.live && may_open(plan)) {
    for (std::string& warning : opened_warnings(*reading.live, wanted.program))
      plan.warnings.push_back(std::move(warning));
  }
  plan.must_knock = must_knock_again(wanted.program, pointer(reading.live), settings.ssh_connection);
  if (!plan.must_knock.empty()) plan.warnings.push_back(way_back_warning(plan.must_knock));
  if (saved) restore(plan, *saved, wall_clock());
  if (reading.live && settings.retired == Retired::revoked) {
    planned.retired = retired(*reading.live, wanted.program);
    if (!planned.retired.empty())
      revoke(plan, *reading.live, planned.retired, wanted.program, traffic_of(kernel, settings));
  }
  return planned;
}

// Where nobody has committed since the generation in which the table was found to be what is wanted, it still
// is afterwards. False where its tokens change by more than a top-up: then nothing was done.
bool top_up(const Wanted& wanted, const std::string& wanted_digest, const Generation& found, Report& done,
            Kernel& kernel, const Settings& settings) {
  Plan plan = plan_top_up(wanted, kernel);
  if (plan.empty()) {
    stamp_again();
    add(done, report_of(plan));
    return true;
  }
  if (!plan.only_tops_up) return false;
  carry_out(std::move(plan), {}, {}, deed("apply", settings), done, kernel);
  const Generation after = kernel.generation();
  if (after.number == found.number + 1) stamp(after, wanted_digest);
  return true;
}

// The files of a declaration that was just rolled back were read before that.
void refuse_if_files_came_back(const Report& rolled_back, const Settings& settings) {
  const bool came_back = std::any_of(rolled_back.changes.begin(), rolled_back.changes.end(),
                                     [](const Change& change) { return change.object == "file"; });
  if (!came_back || settings.asked != Asked::by_someone) return;
  throw SystemError(
      "an earlier apply was not confirmed: it was rolled back, with its files; nothing else was changed. Run "
      "again");
}

// A declaration that was rolled back is not applied again by the system: what was there before it is kept.
std::optional<Pending> rolled_back(const Spec& spec, const Settings& settings, Report& done) {
  if (settings.asked != Asked::by_the_system) return std::nullopt;
  std::optional<Pending> note = usable_rolled_back(done.warnings);
  if (!note || note->declared != digest(to_yaml(spec))) return std::nullopt;
  done.warnings.push_back(fmt::format(
      "apply {} was rolled back, and the declaration has not changed since: the previous table is kept. "
      "Correct the declaration and run `knockwork apply`",
      note->id));
  return note;
}

// What is there is in doubt until its record is right; where nothing was done, as much as before.
void in_doubt_during(const std::function<void()>& commit, const std::string& wanted_digest,
                     const Generation& before, Kernel& kernel) {
  const std::optional<std::string> doubt = in_doubt();
  const auto as_before = [&] { doubt ? note_in_doubt(*doubt) : forget_in_doubt(); };
  note_in_doubt(wanted_digest);
  try {
    commit();
  } catch (const Refused&) {
    as_before();
    throw;
  } catch (const SystemError&) {
    if (kernel.generation() == before) as_before();
    throw;
  }
}

}  // namespace

void converge(const Wanted& wanted, const std::string& wanted_digest, const Purpose& purpose, Report& done,
              Kernel& kernel, const Settings& settings) {
  const Generation now = kernel.generation();
  if (stamped(now, wanted_digest) && top_up(wanted, wanted_digest, now, done, kernel, settings)) return;
  Reading reading = read_ours_steady(kernel);
  const Generation before = reading.generation;
  const bool watched = settings.asked == Asked::by_someone && purpose.recorded;
  auto [plan, beside, retired] =
      plan_of(wanted, reading, kernel, settings, watched ? MissingKey::make : MissingKey::make_if_possible);
  plan.goes_without_tokens = !reading.live || !purpose.recorded;
  if (beside.seen || !wanted.adapts) keep_answers(beside.seen);
  if (plan.empty()) {
    if (beside.seen || !wanted.adapts) {
      stamp(before, wanted_digest);
    } else {
      forget_stamp();
    }
    return add(done, report_of(plan));
  }
  std::optional<Undo> undo;
  if (settings.confirm_within && !plan.only_tops_up) {
    undo = {*settings.confirm_within, wanted_digest, purpose.declared, settings.files,
            [](const std::string& id) { rollback_armed(id, *open_kernel()); }};
  }
  const auto carry_out_plan = [&, &planned = plan] {
    carry_out(std::move(planned), std::move(reading), undo, deed(purpose.command, settings), done, kernel);
  };
  purpose.recorded ? in_doubt_during(carry_out_plan, wanted_digest, before, kernel) : carry_out_plan();
  if (undo) forget_in_doubt();  // the note of what waits says all
  if (!retired.empty()) {
    revoke_until_none_is_left(retired, wanted.program, done, kernel, settings);
    keep_state(kernel, done.warnings);
  }
  // Somebody else may have committed after the look, or nothing was seen: then the next apply looks again.
  if (wanted.adapts && (!beside.seen || kernel.generation().number != before.number + 1)) forget_stamp();
}

std::string render(const Spec& spec) { return to_nft(Wanted(in_force(spec)).ruleset); }

Report plan(const Wanted& wanted, Kernel& kernel, const Settings& settings) {
  Report report;
  report.warnings = pending_warnings();
  if (stamped(kernel.generation(), digest(wanted.ruleset))) {
    add(report, report_of(plan_top_up(wanted, kernel)));
    return report;
  }
  Reading reading{read_ours(kernel), {}};
  add(report, report_of(plan_of(wanted, reading, kernel, settings, MissingKey::do_without).plan));
  return report;
}

Report plan(const Spec& spec, Kernel& kernel, const Settings& settings) {
  const InForce now = on_this_host(resolved(spec, Keep::nothing), kernel, settings);
  return warned(plan(Wanted(now.spec), kernel, settings), spec, now);
}

Report apply(const Spec& spec, Execution execution, Kernel& kernel, const Settings& settings) {
  if (execution == Execution::check) return plan(spec, kernel, settings);
  const Lock lock(settings.lock_timeout);
  return apply(spec, lock, kernel, settings);
}

Report apply(const Spec& spec, const Lock&, Kernel& kernel, const Settings& settings) {
  if (settings.asked == Asked::by_the_system && stays_removed(kernel)) return left_removed();
  const InForce now = on_this_host(resolved(spec, Keep::record), kernel, settings);
  Wanted wanted(now.spec);
  std::string wanted_digest = digest(wanted.ruleset);
  Report done = settle_pending(wanted_digest, kernel, settings);
  refuse_if_files_came_back(done, settings);
  if (const auto note = rolled_back(spec, settings, done)) {
    if (!note->before) return done;
    wanted = Wanted(ruleset_before(*note));
    wanted_digest = digest(wanted.ruleset);
  }
  converge(wanted, wanted_digest, {"apply", settings.confirm_within ? digest(to_yaml(spec)) : "", true}, done,
           kernel, settings);
  if (!done.pending && !is_pending()) keep_last_good(wanted.ruleset, wanted_digest, done.warnings);
  note_stand_in("");
  if (settings.asked == Asked::by_someone && !done.pending) forget_rolled_back();
  return warned(std::move(done), spec, now);
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
  converge(wanted, digest(wanted.ruleset), {"apply", "", false}, report, kernel, plain);
}

}  // namespace knockwork
