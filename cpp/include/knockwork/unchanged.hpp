// An apply that need not read a declaration to know that it is applied already.
#pragma once

#include <vector>

#include "knockwork/knockwork.hpp"

namespace knockwork {

// Loads and applies these sources; with Execution::check, plans. Where their bytes, this build and the
// generation of nftables are those of the last apply, nothing is parsed: it would change nothing and warn of
// nothing. Throws InvalidDeclaration and SystemError.
Report apply(std::vector<Source> sources, Execution execution, Kernel& kernel, const Settings& settings);

}  // namespace knockwork
