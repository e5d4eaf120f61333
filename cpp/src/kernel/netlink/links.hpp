// The network interfaces, by rtnetlink: /sys shows those of the namespace it was mounted in.
#pragma once

#include <vector>

#include "knockwork/kernel.hpp"

namespace knockwork {

// Throws SystemError.
std::vector<Link> read_links();

}  // namespace knockwork
