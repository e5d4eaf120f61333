// One message of nfnetlink_log, read.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "knockwork/kernel.hpp"

namespace knockwork {

// Pure. nullopt where the message (nlmsghdr and all) is none of ours. `now` is taken where it has no time.
std::optional<Event> parse_event(std::span<const std::byte> message, std::chrono::milliseconds now);

}  // namespace knockwork
