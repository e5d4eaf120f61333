// What a declaration with faults still says: enough to shut what it protects, never to open more.
#pragma once

#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork::spec {

struct Salvaged {
  Spec spec;                   // valid; its sequences are those without any fault
  std::vector<Sequence> shut;  // the others: only `opens` and `to` count
};

// Pure. What cannot be read counts for the closed side: no entry of always_allow or public that has
// a fault, all interfaces where one of them cannot be read.
Salvaged salvage(const std::vector<Source>& sources);

// The spec with what those sequences would open shut to everybody: behind knocks that are drawn at
// random, from addresses that no packet comes from.
Spec shut(Spec spec, const std::vector<Sequence>& sequences);

}  // namespace knockwork::spec
