// Sets of bare ports, asked before anything else: what is in none of them concerns nobody.
#pragma once

#include <vector>

#include "ruleset/ruleset.hpp"

namespace knockwork {

// `watched` and `services`, and beside each the ranges where there are any.
void add_ports(std::vector<Set>& sets, const Program& program);

}  // namespace knockwork
