// By netlink: the generation of the ruleset, which libnftables does not tell, and the names of tables, for
// which it would read all that is in them.
#pragma once

#include <string>
#include <vector>

#include "knockwork/kernel.hpp"

namespace knockwork {

// Throws SystemError.
Generation read_generation();

// Of those that see packets for this host: "inet filter", "ip nat". Throws SystemError.
std::vector<std::string> read_tables();

}  // namespace knockwork
