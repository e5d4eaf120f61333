// A difference in a user's words: which sequence, which setting, which object.
#pragma once

#include <string>
#include <vector>

#include "knockwork/report.hpp"
#include "report/shown.hpp"
#include "ruleset/transaction.hpp"

namespace knockwork {

// Why `setting token` is to change, where nothing says which sequence's times differ.
inline constexpr const char* kTokenTimes = "`period`, `ahead` or `skew` of tokens differs";

// One Change for each sequence, setting and object that `difference` would
// touch; empty exactly when the transaction is empty.
std::vector<Change> explain(const LiveTable* live, const Program& program, const Ruleset& wanted,
                            const Transaction& transaction, const Shown& shown);

// "3 knocks 5f1d92ab, opens 1 service 09ab33c0 for 30s, step_timeout 5s"
std::string describe(const Track& track, const Shown& shown);

}  // namespace knockwork
