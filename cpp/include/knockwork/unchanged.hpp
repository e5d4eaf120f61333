// Applies of what is applied already, which need not read the declaration to know it.
#pragma once

#include <string>
#include <vector>

#include "knockwork/knockwork.hpp"

namespace knockwork {

// A digest of sources and of what else they are read by: this build, the names of services. Empty where this
// build cannot be told from others.
std::string bytes_of(const std::vector<Source>& sources);

// Whether an apply of these bytes would change nothing and warn of nothing. Known without parsing them: they,
// this build and the generation of nftables are those of the last apply. False where it is not known. Takes
// no lock; what it says was true when the kernel was asked.
bool known_unchanged(const std::string& bytes, Execution execution, Kernel& kernel, const Settings& settings);

// apply() of the declaration that was read from `bytes`. Notes what known_unchanged() asks for, where nothing
// in it moves with time.
Report apply(const std::string& bytes, const Spec& spec, Execution execution, Kernel& kernel,
             const Settings& settings);

}  // namespace knockwork
