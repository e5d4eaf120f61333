// What forgets live elements of a set, even of one without room.
#pragma once

#include <string>
#include <vector>

#include "ruleset/transaction.hpp"

namespace knockwork {

// Those that last longest first: ForgetElements says why.
ForgetElements forgetting(std::string set, std::vector<LiveElement> elements);

}  // namespace knockwork
