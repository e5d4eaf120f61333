// Bare ports, asked before anything else: what is not among them concerns nobody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ruleset/ruleset.hpp"

namespace knockwork {

// `watched` (none where there are wide gaps) and `services`, and beside each the ranges where there are any.
void add_ports(std::vector<Set>& sets, const Program& program);

// Where the ports are too many for `watched`: the widest spans of ports ("40000-65535") of which none is in
// the program.
std::optional<std::vector<std::string>> wide_gaps(const Program& program);

}  // namespace knockwork
