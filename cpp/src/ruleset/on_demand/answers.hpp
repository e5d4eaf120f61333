// What refused packets are answered where another firewall decides how closed ports answer, and does not see
// what we refuse as it sees a closed port: a refused connection has a translated destination, and a refused
// datagram another port.
//
// One chain right behind the gate ends them as that firewall would. It is in the table only beside such a
// firewall, and no part of what a declaration compiles to.
#pragma once

#include <vector>

#include "ruleset/ruleset.hpp"
#include "surroundings/answered.hpp"

namespace knockwork {

bool has_answers(const Ruleset& ruleset);
bool is_answers(std::string_view chain);

// The ruleset with that chain for `answers`, and without the one that it had.
Ruleset with_answers(Ruleset ruleset, const std::vector<Answered>& answers);
Ruleset without_answers(Ruleset ruleset);

}  // namespace knockwork
