// Whether who confirms could come in anew since the commit: the proof of a fresh way in.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "pending/pending.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// What speaks for who wants to confirm: pure evidence, gathered elsewhere.
struct Evidence {
  std::string ssh_connection;                              // empty: nobody came over the network
  std::optional<std::chrono::milliseconds> session_began;  // of sshd's process, by CLOCK_BOOTTIME
  std::chrono::milliseconds awake{0};                      // awake_clock()
};

// Why the evidence does not show that its connection could come in anew since
// the commit; nothing where it does. Pure.
std::optional<std::string> missing_proof(const Pending& pending, const LiveTable& live,
                                         const Evidence& evidence);

}  // namespace knockwork
