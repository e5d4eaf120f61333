// Knocks that tell one port knocker from another, and what the reference machine does with them.
#pragma once

#include <string>
#include <vector>

#include "knockwork/spec.hpp"
#include "machine/machine.hpp"

namespace knockwork {

struct TriedKnock {
  int source = 0;  // 0 or 1
  Knock knock;
};

struct Try {
  const char* what;  // "the right knocks"
  std::vector<TriedKnock> knocks;
};

// One after the other, with nothing in between: they take no time to speak of.
std::vector<Try> tries_of(const Sequence& sequence);

// Whether the sequence opens to each of both sources.
std::vector<bool> opened_by_machine(const Machine& machine, const std::string& sequence, const Try& attempt);

}  // namespace knockwork
