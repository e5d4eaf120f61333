#include "plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "knockwork/words.hpp"
#include "plan/difference.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/on_demand/severed.hpp"

namespace knockwork {

namespace {

bool before(const Change& one, const Change& other) {
  if (one.object != "grant" && one.object != "connections") return natural_less(one.name, other.name);
  if (one.name != other.name) return source_less(one.name, other.name);
  return natural_less(one.before, other.before);
}

}  // namespace

std::vector<Change> in_order(std::vector<Change> changes) {
  const auto is_listed = [](const Change& change) {
    return change.object == "sequence" || change.object == "grant" || change.object == "connections";
  };
  for (auto first = changes.begin(); first != changes.end();) {
    const bool removed = first->kind == Change::Kind::remove;
    const auto last = std::find_if(first, changes.end(), [&](const Change& each) {
      return each.object != first->object || (each.kind == Change::Kind::remove) != removed;
    });
    if (is_listed(*first)) std::stable_sort(first, last, before);
    first = last;
  }
  return changes;
}

Report report_of(const Plan& plan) {
  Report report;
  report.changed = !plan.empty();
  report.changes = in_order(plan.changes);
  report.warnings = plan.warnings;
  report.must_knock = plan.must_knock;
  return report;
}

void add(Report& report, Report more) {
  report.changed = report.changed || more.changed;
  std::move(more.changes.begin(), more.changes.end(), std::back_inserter(report.changes));
  for (std::string& warning : more.warnings) {
    if (std::find(report.warnings.begin(), report.warnings.end(), warning) == report.warnings.end())
      report.warnings.push_back(std::move(warning));
  }
  if (!more.must_knock.empty()) report.must_knock = more.must_knock;
}

Plan plan_ruleset(const LiveTable* live, const Program& program, Ruleset target,
                  const std::function<Shown()>& shown) {
  Plan plan;
  plan.transaction = difference(live, target);
  if (!plan.transaction.empty()) plan.changes = explain(live, program, target, plan.transaction, shown());
  plan.target = std::move(target);
  plan.whole = true;
  return plan;
}

Ruleset keeping_severed(Ruleset wanted, const Program& program, const LiveTable* live,
                        const std::optional<Saved>& saved) {
  const bool severed = live != nullptr ? has_severed(live->ruleset) : saved && any_severed(saved->sets);
  return severed ? with_severed(std::move(wanted), program) : wanted;
}

void add_tokens(Plan& plan, const std::vector<TokenFeed>& wanted, const TokenRecord& record, UsedTokens used,
                const Moment& now, NoKey no_key) {
  if (wanted.empty() && present(record).empty()) return;
  const bool makes = makes_token_sets(plan.transaction);
  Fed fed = feed(wanted, record, makes ? UsedTokens::forgotten : used, now, no_key, plan.warnings);
  if (fed.kind == Fed::Kind::enough) return;
  tell_of_tokens(plan, wanted, record);
  plan.tokens = std::move(fed.record);
  const std::vector<Action>& actions = plan.transaction.actions;
  const bool new_table = !actions.empty() && std::holds_alternative<AddTable>(actions.front());
  plan.only_tops_up = actions.empty() && fed.kind == Fed::Kind::topped_up;
  plan.feeding = std::move(fed.transaction);
  plan.transaction.append(plan.feeding);
  const auto tell = [&](const std::string& name, std::size_t count, const char* why) {
    if (count == 0 || new_table) return;  // the sequences of a new table say it
    plan.changes.push_back({Change::Kind::change, "tokens",
                            count == 1 ? name : fmt::format("of {} sequences", count), "current", why, why});
  };
  if (fed.kind == Fed::Kind::topped_up) {
    tell(wanted.empty() ? "" : wanted.front().name, wanted.size(), "topped up");
  } else {
    tell(fed.replaced.empty() ? "" : fed.replaced.front(), fed.replaced.size(), "replaced");
  }
}

void leave_tokens_out(Plan& plan) {
  leave_tokens_out(plan.transaction);
  if (plan.fallback) leave_tokens_out(plan.fallback->transaction);
  std::erase_if(plan.changes, [](const Change& change) { return change.object == "tokens"; });
  plan.tokens.reset();
}

Plan plan_removal(std::string why) {
  Plan plan;
  plan.transaction = {{DeleteTable{}}};
  plan.changes.push_back(
      {Change::Kind::remove, "table", std::string(kTable), "as it is now", "", std::move(why)});
  return plan;
}

void restore(Plan& plan, const Saved& saved, std::chrono::milliseconds now) {
  const Restored past = restored(saved.sets, plan.target.value(), now - saved.at);
  warn_of_refused(past, plan.warnings);
  if (past.actions.empty()) return;
  plan.fallback = {plan.transaction, plan.changes, "saved grants and spent uses are ignored", true};
  plan.transaction.actions.insert(plan.transaction.actions.end(), past.actions.begin(), past.actions.end());
  if (past.grants + past.spent == 0) return;
  plan.changes.push_back(
      {Change::Kind::add, "state", "saved", "",
       fmt::format("{} grant{} restored, {} spent", past.grants, past.grants == 1 ? "" : "s", past.spent),
       ""});
}

namespace {

// What is left of the sources' grants by the sequence.
std::vector<std::chrono::milliseconds> left_of(const LiveTable& live, const Track& track,
                                               const std::vector<Network>& sources) {
  std::vector<std::chrono::milliseconds> left;
  for (const Admission& each : open_admissions(live, program_of(live.ruleset))) {
    const bool is_theirs = std::find(sources.begin(), sources.end(), each.source) != sources.end();
    if (each.edge == track.edges.back().id && is_theirs) left.push_back(each.expires);
  }
  return left;
}

}  // namespace

Plan plan_grant(const LiveTable& live, const Track& track, const std::vector<Network>& sources,
                const std::string& whom, std::chrono::milliseconds time) {
  Plan plan;
  plan.target = live.ruleset;
  plan.transaction = admit(live, track, sources, time);
  if (plan.empty()) return plan;
  const std::string after = fmt::format("by {} for {}", track.name, nft_time(time));
  const std::vector<std::chrono::milliseconds> left = left_of(live, track, sources);
  const auto longer = std::count_if(left.begin(), left.end(), [&](auto each) { return each >= time; });
  if (longer > 0) {
    plan.changes.push_back(
        {Change::Kind::add, "grant", whom, "", after,
         fmt::format("{}; {} of {} sources keep a longer grant", after, longer, sources.size())});
  } else if (sources.size() == 1 && left.size() == 1) {
    const std::string had = nft_time(std::chrono::ceil<std::chrono::seconds>(left.front()));
    plan.changes.push_back({Change::Kind::change, "grant", whom, fmt::format("by {} for {}", track.name, had),
                            after, fmt::format("{} instead of {}", after, had)});
  } else {
    plan.changes.push_back({Change::Kind::add, "grant", whom, "", after, after});
  }
  return plan;
}

Plan plan_renewal(const LiveTable& live, const std::string& name, const std::vector<EdgeId>& edges) {
  Plan plan;
  plan.target = live.ruleset;
  plan.transaction = renew_uses(live, edges);
  if (plan.empty()) return plan;
  plan.changes.push_back({Change::Kind::change, "sequence", name, "spent", "usable once", "renewed"});
  return plan;
}

}  // namespace knockwork
