// What packets have made and a later table takes up again: grants, spent uses, what was cut off.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "ruleset/transaction.hpp"

namespace knockwork {

// All pure.
LiveSets worth_keeping(const LiveTable& live);
bool any_severed(const LiveSets& sets);

// What puts it into a new table of that shape, once that much time has passed; below zero nothing lives on
// but what never expires. Every key is read as what its set holds; one that is none, or whose time no packet
// can have, is left out and counted.
struct Restored {
  std::vector<CarryElements> actions;
  std::size_t grants = 0;   // sources that are in again
  std::size_t spent = 0;    // uses of `once` sequences
  std::size_t refused = 0;  // entries that are none
};
Restored restored(const LiveSets& sets, const Ruleset& wanted, std::chrono::milliseconds passed);

// Without what the table has already.
Restored restored_beside(const LiveSets& sets, const Ruleset& wanted, std::chrono::milliseconds passed,
                         const LiveSets& there);

}  // namespace knockwork
