// Connections that a revocation ends, although neither their ends nor conntrack
// know of it: a chain before the gate drops what still comes of them.
//
// Forgetting them in conntrack would not do: a TCP segment with ACK passes as part
// of a session older than the table, and a UDP server that speaks makes its client's
// packets answers. So they are named, by addresses and ports, until their source
// comes in again by a knock. Chain and sets are in the table only once something
// was revoked; until then packets pay nothing.
#pragma once

#include "ruleset/ruleset.hpp"

namespace knockwork {

// How long without a packet of it until it counts as over: as long as conntrack remembers one.
inline constexpr std::chrono::milliseconds kSevered = std::chrono::hours(5 * 24);

bool has_severed(const Ruleset& ruleset);

// The ruleset with the objects for it; `program` is what it was compiled from.
Ruleset with_severed(Ruleset ruleset, const Program& program);
Ruleset without_severed(Ruleset ruleset);

}  // namespace knockwork
