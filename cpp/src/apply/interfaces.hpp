// The interfaces that a declaration names, beside those that this host has.
#pragma once

#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

// A sequence with interfaces of its own, as they are declared.
struct OwnInterfaces {
  std::string sequence;
  std::vector<std::string> interfaces;
};
std::vector<OwnInterfaces> own_interfaces(const std::vector<Sequence>& sequences);

// Of interfaces that are declared by alternative names: netfilter knows only the real ones.
std::vector<std::string> alternative_name_warnings(const Spec& spec, const std::vector<Link>& links);

// Alternative names become the names that packets come in by.
Spec by_real_names(Spec spec, const std::vector<Link>& links);

// Those that do not exist, and those whose packets arrive on another one; of `interfaces` and of `public`.
std::vector<std::string> interface_warnings(const std::vector<std::string>& interfaces,
                                            const std::vector<PublicRule>& rules,
                                            const std::vector<Link>& links);

// The same of each sequence's own interfaces.
std::vector<std::string> interface_warnings(const std::vector<OwnInterfaces>& sequences,
                                            const std::vector<Link>& links);

// Throws SystemError where interfaces are declared and none of them exists, or all are left out: nothing
// would be protected.
void refuse_if_none_exists(const std::vector<std::string>& interfaces, const std::vector<Link>& links);

// Which interfaces of this host a pattern in `interfaces` leaves open now; empty without a pattern.
std::string left_open(const std::vector<std::string>& interfaces, const std::vector<Link>& links);

}  // namespace knockwork
