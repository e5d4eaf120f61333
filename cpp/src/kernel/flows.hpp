// Connections: which there are, and ending those of this host.
#pragma once

#include "knockwork/kernel.hpp"

namespace knockwork {

// Those that conntrack follows, as their first packet came, and the established
// TCP sockets of this host. Without conntrack only the latter. Throws SystemError.
std::vector<Flow> read_flows();

// Closes the TCP sockets of this host at their ends; others are left alone.
void end_flows(const std::vector<Flow>& flows);

}  // namespace knockwork
