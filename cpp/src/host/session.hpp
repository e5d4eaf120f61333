// The ssh session that this process belongs to.
#pragma once

#include <chrono>
#include <optional>

namespace knockwork {

// When the nearest sshd above this process began, by CLOCK_BOOTTIME: a session's process lives as
// long as its connection, however many commands share that.
std::optional<std::chrono::milliseconds> ssh_session_began();

}  // namespace knockwork
