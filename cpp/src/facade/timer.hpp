// Who takes an apply back when nobody confirmed it: somebody who lives on when
// the process that applies, its session and its connection are gone.
#pragma once

#include <chrono>
#include <string>

namespace knockwork {

// Makes sure that rollback_armed(id) runs once `within` has passed: a transient
// timer of systemd where that is the init of this network namespace, otherwise a
// process of its own. Throws SystemError where neither can be had.
void arm(const std::string& id, std::chrono::milliseconds within);

// For tidiness alone: a timer whose apply no longer waits does nothing.
void disarm(const std::string& id);

}  // namespace knockwork
