#include "apply/tokens.hpp"

#include <fmt/format.h>

#include "commit/carry_out.hpp"
#include "host/lock.hpp"

namespace knockwork {
namespace {

// What is wanted by a declaration; else of what was applied that which the table has a sequence for.
std::vector<TokenFeed> feeds_of(const Wanted& wanted, const TokenRecord& record) {
  if (wanted.feeds) return *wanted.feeds;
  return opened_in(wanted.program, present(record));
}

struct Known {
  TokenRecord record;
  UsedTokens used = UsedTokens::forgotten;
};

Known known(Kernel& kernel, std::vector<std::string>& warnings) {
  Known found{read_token_record(warnings), UsedTokens::forgotten};
  const std::string memory = kernel.token_memory();
  if (!memory.empty() && found.record.memory == memory) found.used = UsedTokens::remembered;
  if (!memory.empty() && found.record == TokenRecord{}) found.record = forgotten(unix_time());
  const std::string machine = token_machine();
  if (!machine.empty() && !found.record.machine.empty() && found.record.machine != machine) {
    found.used = UsedTokens::forgotten;
    warnings.emplace_back(
        "this host is a copy of another machine: each of the two accepts every token once. Give it a secret of its "
        "own, or its own name under `host`");
  }
  found.record.machine = machine;
  return found;
}

// What a hand did to the table. A few missing tokens are told; with most of them, with strangers among them,
// or without the time that they are good for, all are replaced.
void look_at(const LiveTable& live, Known& now, std::vector<std::string>& warnings) {
  if (now.used == UsedTokens::forgotten) return;
  const TokensThere there = tokens_there(live, now.record, this_moment());
  if (there.strangers > 0 || !there.good || 2 * there.missing > there.all) {
    now.used = UsedTokens::forgotten;
  } else if (there.missing > 0) {
    warnings.push_back(fmt::format(
        "{} token{} {} missing from the table and will not be added again: clients use the next ones",
        there.missing, there.missing == 1 ? "" : "s", there.missing == 1 ? "is" : "are"));
  }
}

}  // namespace

void add_tokens(Plan& plan, const Wanted& wanted, const LiveTable* live, Kernel& kernel) {
  if (wanted.feeds && wanted.feeds->empty() && !has_token_record()) return;
  Known now = known(kernel, plan.warnings);
  if (live != nullptr) look_at(*live, now, plan.warnings);
  add_tokens(plan, feeds_of(wanted, now.record), now.record, now.used, this_moment(),
             wanted.feeds ? NoKey::refused : NoKey::skipped);
}

Plan plan_top_up(const Wanted& wanted, Kernel& kernel) {
  Plan plan;
  plan.target = wanted.ruleset;
  add_tokens(plan, wanted, nullptr, kernel);
  return plan;
}

void top_up_as_applied(Kernel& kernel, const Settings& settings) {
  if (!has_token_record() || kernel.token_memory().empty()) return;
  const Lock lock(settings.lock_timeout);
  Plan plan;
  const Known now = known(kernel, plan.warnings);
  add_tokens(plan, present(now.record), now.record, now.used, this_moment(), NoKey::skipped);
  Report ignored;
  carry_out(std::move(plan), {}, {}, deed("apply", settings), ignored, kernel);
}

}  // namespace knockwork
