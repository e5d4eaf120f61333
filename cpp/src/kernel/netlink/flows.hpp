// Connections: which there are, and ending those of this host.
#pragma once

#include "knockwork/kernel.hpp"

namespace knockwork {

// Those that conntrack follows, as their first packet came and as it was delivered, and the established
// TCP sockets of this host. Without conntrack only the latter. What conntrack knows to
// be over is left out: refused attempts are. Throws SystemError.
std::vector<Flow> read_flows();

// Closes the TCP sockets of this host at their ends, and deletes their conntrack entries, which also
// takes them from a flowtable. With Ending::offloaded only entries in a flowtable are deleted.
void end_flows(const std::vector<Flow>& flows, Ending ending);

}  // namespace knockwork
