// Who takes an apply back when nobody confirmed it: somebody who lives on when
// the process that applies, its session and its connection are gone.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace knockwork {

// Makes sure that rollback_armed(id) runs once `within` has passed: a transient
// timer of systemd where that is the init of this network namespace, otherwise a
// process of its own, which calls `when_over`. `note` is called once that stands, and writes what it will
// need: whoever is killed between the two leaves a timer that finds nothing to do,
// never a note that nobody looks at. Throws SystemError where neither can be had,
// and what `note` throws, leaving nothing.
void arm(const std::string& id, std::chrono::milliseconds within, const std::function<void()>& note,
         const std::function<void()>& when_over);

// For tidiness alone: a timer whose apply no longer waits does nothing.
void disarm(const std::string& id);

}  // namespace knockwork
