// Revocations as plans.
#include <fmt/format.h>

#include <iterator>

#include "plan/difference.hpp"
#include "plan/plan.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/on_demand/severed.hpp"

namespace knockwork {
namespace {

std::vector<Change> changes_of(const Revoked& revoked, const Program& here) {
  std::vector<Change> changes;
  for (const Admission& each : revoked.ended) {
    const Track* track = track_of(here, each.edge);
    const std::string by = fmt::format("by {}", track == nullptr ? kRemovedSequence : track->name);
    changes.push_back({Change::Kind::remove, "grant", shown_source(each.source, here), by, "",
                       fmt::format("{}, revoked", by)});
  }
  for (const auto& [source, number] : revoked.cut) {
    changes.push_back({Change::Kind::remove, "connections", to_string(source), std::to_string(number), "",
                       fmt::format("{} cut", number)});
  }
  if (changes.empty() && !revoked.elements.empty())
    changes.push_back(
        {Change::Kind::remove, "knocks", "of half-finished sequences", "current", "", "revoked"});
  return changes;
}

constexpr const char* kForAll =
    "there are too many sources to cut individually: the services were cut for every source without a "
    "current grant";

// `base` leads to the plan's target, whose program is `after`; `revoked` happens in the same transaction.
void put(Plan& plan, const Transaction& base, const Revoked& revoked, const Retirement& what,
         const Program& here, const Program& after) {
  plan.transaction = base;
  add(plan.transaction, revoked, Severing::by_source, *plan.target);
  for (Change& change : changes_of(revoked, here)) plan.changes.push_back(std::move(change));
  if (revoked.spared_operator)
    plan.warnings.emplace_back(
        "the connection that you are using was not cut: close it once you have reconnected");
  if (revoked.for_all) plan.warnings.emplace_back(kForAll);
  if (!revoked.flows.empty() && !revoked.for_all) {
    Transaction services = base;
    add(services, revoked, Severing::by_service, *plan.target);
    plan.fallback = {std::move(services), plan.changes, kForAll, false};
  }
  plan.ends = revoked.flows;
  // By an interface that is not protected nobody needs a grant, and neither a socket nor conntrack says its
  // interface. What a flowtable forwards is only sent back to the rules.
  plan.ending = after.interfaces.empty() && after.left_out.empty() ? Ending::all : Ending::offloaded;
  plan.revoked = what;
}

// The objects for what is severed, where the table lacks them or has those of an earlier version; nothing
// else.
Transaction for_severed(const LiveTable& live, const Ruleset& target) {
  if (target == live.ruleset) return {};
  LiveTable bare = live;
  bare.extra.clear();
  bare.strangers.clear();
  return difference(&bare, target);
}

}  // namespace

Plan plan_revocation(const LiveTable& live, const Retirement& what, const Program& stays,
                     const Traffic& traffic) {
  const Program here = program_of(live.ruleset);
  const Revoked theirs = revoked(live, what, stays, traffic);
  Plan plan;
  plan.target = theirs.flows.empty() ? live.ruleset : with_severed(live.ruleset, here);
  put(plan, for_severed(live, *plan.target), theirs, what, here, here);
  return plan;
}

void revoke(Plan& plan, const LiveTable& live, const Retirement& what, const Program& stays,
            const Traffic& traffic) {
  const Revoked theirs = revoked(live, what, stays, traffic);
  if (!theirs.flows.empty()) plan.target = with_severed(std::move(*plan.target), stays);
  Transaction base = difference(&live, *plan.target);
  base.append(plan.feeding);
  put(plan, base, theirs, what, program_of(live.ruleset), stays);
}

}  // namespace knockwork
