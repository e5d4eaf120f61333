// What a command does to the table, as a value: made from what was read and what is wanted, looked at by
// who only plans, carried out in one place (commit/carry_out.hpp).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "knockwork/report.hpp"
#include "plan/explain.hpp"
#include "records/state.hpp"
#include "ruleset/revocation/revocation.hpp"
#include "ruleset/transaction.hpp"
#include "tokens/feed.hpp"

namespace knockwork {

// What is committed in a plan's place where the kernel refuses it.
struct Fallback {
  Transaction transaction;
  std::vector<Change> changes;
  std::string warning;
  bool tells_why = false;  // the warning goes on with what the kernel said
};

struct Plan {
  std::optional<Ruleset> target;  // the table afterwards; nothing: there is none
  bool whole = false;             // the target is all of the table, so it is read back after the commit
  Transaction transaction;        // what leads there; empty: nothing changes
  std::vector<Change> changes;    // the same for people
  std::vector<std::string> warnings;
  std::string must_knock;  // as in Report
  std::optional<Fallback> fallback;
  std::vector<Flow> ends;  // connections that are ended after the commit
  Ending ending = Ending::all;
  Retirement revoked;         // what saved states forget after the commit
  bool only_tops_up = false;  // with more of the tokens that are there: nothing to confirm or take back
  Transaction feeding;        // the part of the transaction that puts tokens, or takes them away
  std::optional<TokenRecord> tokens;  // is written before the commit: where the transaction puts tokens
  bool goes_without_tokens = false;   // where that cannot be written: no gate, or an open one, is worse

  bool empty() const { return transaction.empty() && ends.empty(); }
};

// What a plan alone has to report: that of a check.
Report report_of(const Plan& plan);
// Adds the changes and warnings of `more`.
void add(Report& report, Report more);

// Sequences by name, sources by address; whatever else stays where it is.
std::vector<Change> in_order(std::vector<Change> changes);

// All pure.

// From the live table, null where there is none, to the ruleset of a program. `shown` is asked only where
// something changes.
Plan plan_ruleset(const LiveTable* live, const Program& program, Ruleset target,
                  const std::function<Shown()>& shown);

// The ruleset with what was severed before, by the live table or, where there is none, by what was saved.
Ruleset keeping_severed(Ruleset wanted, const Program& program, const LiveTable* live,
                        const std::optional<Saved>& saved);

// Adds tokens for what is wanted: all of them where the plan makes their sets or used ones are forgotten,
// else those that come next when they run low.
void add_tokens(Plan& plan, const std::vector<TokenFeed>& wanted, const TokenRecord& record, UsedTokens used,
                const Moment& now, NoKey no_key);

// Takes them away again: those in the table stay as they are, or go where all would have been replaced.
void leave_tokens_out(Plan& plan);

// Says which sequences' tokens change and why, and whose profiles are worth nothing then.
void tell_of_tokens(Plan& plan, const std::vector<TokenFeed>& wanted, const TokenRecord& record);

// To no table at all.
Plan plan_removal(std::string why);

// Adds what was saved of a table to a plan that makes a new one. A gate without its past is better than none.
void restore(Plan& plan, const Saved& saved, std::chrono::milliseconds now);

// Grants, half-done knocks and connections that end, in the table as it stands.
Plan plan_revocation(const LiveTable& live, const Retirement& what, const Program& stays,
                     const Traffic& traffic);
// Those that end in the same transaction that makes the target of `plan`.
void revoke(Plan& plan, const LiveTable& live, const Retirement& what, const Program& stays,
            const Traffic& traffic);

// Lets sources in by a sequence; `whom` is them in a report.
Plan plan_grant(const LiveTable& live, const Track& track, const std::vector<Network>& sources,
                const std::string& whom, std::chrono::milliseconds time);

// Gives the `once` sequences with these last edges, known by that name, their use back.
Plan plan_renewal(const LiveTable& live, const std::string& name, const std::vector<EdgeId>& edges);

}  // namespace knockwork
