// Releases of nftables spell one rule differently. What the one in use lists for our own text means
// what our text means; asked only where a listing differs from it, so an unchanged table costs nothing.
#pragma once

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// Puts `wanted`'s words in place of those in `live` that are but another spelling of them.
void recognise(LiveTable& live, const Ruleset& wanted, Kernel& kernel);

}  // namespace knockwork
