// Applies of what is applied already, which need not read the declaration to know it.
#pragma once

#include <vector>

#include "knockwork/knockwork.hpp"

namespace knockwork {

// Whether an apply of these sources would change nothing and warn of nothing. Known without parsing them:
// their bytes, this build and the generation of nftables are those of the last apply. False where it is not
// known. Takes no lock; what it says was true when the kernel was asked.
bool known_unchanged(const std::vector<Source>& sources, Kernel& kernel, const Settings& settings);

// apply() of the declaration that `sources` were read to. Notes what known_unchanged() asks for, where
// nothing in it moves with time.
Report apply(const std::vector<Source>& sources, const Spec& spec, Execution execution, Kernel& kernel,
             const Settings& settings);

}  // namespace knockwork
