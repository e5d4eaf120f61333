// The requests of plugins that run where knocks come from: no kernel of this host is asked.
//
//   {"command": "knock", "host": "web1", "profile": "…", "sequence": "ssh" | "knock": ["7000/udp", …],
//    "wait_open": "22/tcp", "source": "…", "interface": "…", "family": "any" | "ipv4" | "ipv6",
//    "delay": "50ms", "jitter": "0s", "timeout": "5s", "retries": 2, "within": "1m30s", "prove": true,
//    "both": false, "try_first": false, "check": false}
//   → "knocked": {…}, with a null outcome where `check` kept it from being sent
//
//   {"command": "profile", "name": "…", "text": "…"}
//   → "profile": {"hosts": 3}, or why it cannot be used
//
//   {"command": "sequence", "host": "web1", "profile": "…", "sequence": "ssh", "opens": "22/tcp", "reveal":
//   false} → "sequence": {"name": …, "knocks": 3, "services": 1, "fingerprint": …}, and the ports where
//   revealed
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>

namespace knockwork {

// The answer's member and its JSON; nothing for the commands of others.
// Throws InvalidDeclaration, SystemError, and json::exception for a request that is none.
std::optional<std::pair<const char*, std::string>> call_client(const nlohmann::json& request);

}  // namespace knockwork
