// What an operator should hear before the door falls shut, or open.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// The address at the other end of `ssh_connection` (sshd's variable SSH_CONNECTION: client
// address and port, server address and port), if it would need to knock before it could come
// in again; else empty.
std::string must_knock_again(const Program& program, const LiveTable* live, std::string_view ssh_connection);
// What to tell whoever is connected from there.
std::string way_back_warning(const std::string& address);

// Connections that a flowtable forwards pass no rule, so those elsewhere do not end with their grants.
std::vector<std::string> offload_warnings(const std::vector<Flowtable>& flowtables);

// Nor are they seen to be used: `prolong`.
std::vector<std::string> unseen_use_warnings(const std::vector<Flowtable>& flowtables);

// What an apply opens to everyone, since no sequence opens it any more.
std::vector<std::string> opened_warnings(const LiveTable& live, const Program& wanted);

// That other firewalls could not be read, and why.
std::string unchecked_warning(const SystemError& error);

// What is open to everyone once the table is gone.
std::vector<std::string> removal_warnings(const LiveTable& live);

}  // namespace knockwork
