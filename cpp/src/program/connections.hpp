// Times of grants that let in so many connections (`connections`).
#pragma once

#include "knockwork/spec.hpp"

namespace knockwork {

// For how long nobody else takes one that was just taken: two processors with one packet each are not so far
// apart.
inline constexpr Duration kTakingLasts = Duration::milliseconds(100);
// For how long the first packet of a connection, or any of a flow without an answer, is known to be no new
// one.
inline constexpr Duration kBeginningLasts = Duration::milliseconds(60'000);

}  // namespace knockwork
