// What differs between the tokens of a sequence as it was applied and as it is declared.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/plan.hpp"

namespace knockwork {
namespace {

std::string difference(const char* key, const std::string& before, const std::string& after) {
  return fmt::format("{} {} → {}", key, before, after);
}

// In the words of the declaration; never a port, a key or what a secret file holds.
std::string what_changed(const Token& before, const Token& after) {
  std::vector<std::string> parts;
  const auto time = [&parts](const char* key, Duration one, Duration other) {
    if (one != other) parts.push_back(difference(key, to_string(one), to_string(other)));
  };
  if (before.host != after.host) parts.push_back(difference("host", before.host, after.host));
  if (before.secret_file != after.secret_file || before.key != after.key)
    parts.emplace_back("another secret");
  if (before.serial != after.serial)
    parts.push_back(difference("serial", std::to_string(before.serial), std::to_string(after.serial)));
  time("period", before.period, after.period);
  time("ahead", before.ahead, after.ahead);
  time("skew", before.skew, after.skew);
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string times_of(const Token& token) {
  return fmt::format("tokens of host {}, serial {}, period {}, ahead {}, skew {}", token.host, token.serial,
                     to_string(token.period), to_string(token.ahead), to_string(token.skew));
}

std::string host_warning(const TokenFeed& before, const TokenFeed& after) {
  return fmt::format(
      "{0} now uses host {2} instead of {1} for its tokens: profiles exported before this change no longer "
      "open it. Export profiles again, or write `host: {1}` under its `token`",
      after.name, before.token.host, after.token.host);
}

}  // namespace

void tell_of_tokens(Plan& plan, const std::vector<TokenFeed>& wanted, const TokenRecord& record) {
  for (const TokenFeed& after : wanted) {
    const auto found = record.sequences.find(after.name);
    if (found == record.sequences.end() || !found->second.present) continue;
    const TokenFeed& before = found->second.feed;
    const std::string why = what_changed(before.token, after.token);
    if (why.empty()) continue;
    if (!before.token.host.empty() && before.token.host != after.token.host)
      plan.warnings.push_back(host_warning(before, after));
    std::erase_if(plan.changes, [](const Change& change) { return change.why == kTokenTimes; });
    plan.changes.push_back(
        {Change::Kind::change, "sequence", after.name, times_of(before.token), times_of(after.token), why});
  }
}

}  // namespace knockwork
