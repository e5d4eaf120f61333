// Whether the kernel holds what was committed.
#pragma once

#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

struct Verified {
  // Kernels that cannot alter a set's size ignore the request: another transaction has to make the set anew.
  bool only_sizes_differ = false;
  std::string listed;  // the digest of the listing, where its words are not ours
};

// Reads back what was just committed, and stamps it. The table stands by now: what its listing does not say
// is a warning. Throws SystemError where somebody else has changed it meanwhile.
Verified verify(const Ruleset& target, const std::string& target_digest, Kernel& kernel,
                std::vector<std::string>& warnings);

}  // namespace knockwork
