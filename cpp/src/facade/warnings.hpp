// What an operator should hear before the door falls shut, or open.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// Whether the address at the other end of `ssh_connection` (sshd's variable
// SSH_CONNECTION: client address and port, server address and port) would need
// to knock before it could come in again.
std::vector<std::string> operator_warnings(const Program& program, const LiveTable* live,
                                           std::string_view ssh_connection);

// Connections that a flowtable forwards pass no rule, so those elsewhere do not end with their grants.
std::vector<std::string> offload_warnings(const std::vector<Flowtable>& flowtables);

// What is open to everyone once the table is gone.
std::vector<std::string> removal_warnings(const LiveTable& live);

}  // namespace knockwork
