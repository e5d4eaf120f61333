// A difference in a user's words: which sequence, which setting, which object.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "knockwork/knockwork.hpp"
#include "plan/plan.hpp"

namespace knockwork {

// What a report may show of a sequence: its ports, or a keyed fingerprint of them.
struct Shown {
  std::function<std::string(const Track&)> knocks;
  std::function<std::string(const std::vector<Service>&)> services;
};

// One Change for each sequence, setting and object that `difference` would
// touch; empty exactly when the transaction is empty.
std::vector<Change> explain(const LiveTable* live, const Program& program, const Ruleset& wanted,
                            const Transaction& transaction, const Shown& shown);

// "3 knocks 5f1d92ab, opens 1 service 09ab33c0 for 30s, step_timeout 5s"
std::string describe(const Track& track, const Shown& shown);

}  // namespace knockwork
