// The generation of the ruleset, by netlink: libnftables does not tell it.
#pragma once

#include "knockwork/kernel.hpp"

namespace knockwork {

// Throws SystemError.
Generation read_generation();

}  // namespace knockwork
