// The addresses of this host.
#pragma once

#include <set>

#include "knockwork/spec.hpp"

namespace knockwork {

// Those of all its interfaces, getifaddrs(3). Throws SystemError.
std::set<Network> own_addresses();

// Whether they are those of process 1: this process is in its network namespace.
bool in_first_namespace();

}  // namespace knockwork
