#include "apply/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "commit/carry_out.hpp"
#include "host/lock.hpp"

namespace knockwork {
namespace {

// What is wanted by a declaration; else of what was applied that which the table has a sequence for.
std::vector<TokenFeed> feeds_of(const Wanted& wanted, const TokenRecord& record) {
  if (wanted.feeds) return *wanted.feeds;
  std::vector<TokenFeed> feeds = present(record);
  std::erase_if(feeds, [&](const TokenFeed& feed) {
    return std::none_of(wanted.program.tracks.begin(), wanted.program.tracks.end(), [&](const Track& track) {
      return track.token && track.edges.front().id == feed.edge;
    });
  });
  return feeds;
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

void warn_of_missing(Plan& plan, const LiveTable& live, const TokenRecord& record) {
  if (const std::size_t missing = missing_tokens(live, record, unix_time()); missing > 0) {
    plan.warnings.push_back(fmt::format(
        "{} token{} {} missing from the table and will not be added again: clients use the next ones",
        missing, missing == 1 ? "" : "s", missing == 1 ? "is" : "are"));
  }
}

}  // namespace

void add_tokens(Plan& plan, const Wanted& wanted, const LiveTable* live, Kernel& kernel) {
  if (wanted.feeds && wanted.feeds->empty() && !has_token_record()) return;
  const Known now = known(kernel, plan.warnings);
  add_tokens(plan, feeds_of(wanted, now.record), now.record, now.used, unix_time(),
             wanted.feeds ? NoKey::refused : NoKey::skipped);
  if (live != nullptr && !plan.tokens) warn_of_missing(plan, *live, now.record);
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
  add_tokens(plan, present(now.record), now.record, now.used, unix_time(), NoKey::skipped);
  Report ignored;
  carry_out(std::move(plan), {}, {}, ignored, kernel);
}

}  // namespace knockwork
