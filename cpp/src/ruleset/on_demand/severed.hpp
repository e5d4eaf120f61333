// What a revocation cuts off: a source from a service, until it comes in again by a knock.
//
// Closing sockets and forgetting connections in conntrack is not enough: a segment may pass
// as part of a session older than the table, and a UDP server that goes on sending makes its
// client's packets answers. So packets of the pair are dropped both ways: by a hook right
// before the gate, and by one for what leaves. One element stands for all connections of a
// source to a service, however many it makes. If even those do not fit, the service is cut
// for everybody without a live grant. Chains and sets are in the table only once something
// was revoked; until then packets pay nothing.
#pragma once

#include "ruleset/ruleset.hpp"

namespace knockwork {

// How long without a packet of it until it counts as over: as long as conntrack remembers one.
inline constexpr std::chrono::milliseconds kSevered = std::chrono::hours(5 * 24);

// So many sources and services, counted by family; beyond that services are severed as a whole.
// Every listing of the table carries them for days.
inline constexpr std::size_t kMostSevered = 16384;

// Where "which service of which source" stands, by family: "severed4", and so on.
std::string severed_set(bool ipv6);
std::string resumed_set(bool ipv6);  // who came in again to a service that is cut for all
std::string spared_set(bool ipv6);   // single connections that go on
inline constexpr std::string_view kSeveredForAll = "severed_all";

// Their keys; `source` is masked as the rules mask it.
std::string severed_key(const Network& source, const Network& target, const Service& service);
std::string severed_for_all_key(bool ipv6, const Service& service);
std::string spared_key(const Network& source, std::uint16_t source_port, const Service& service);
// What earlier tables named by connection, source port included, by today's key.
std::string severed_key_of_today(std::string_view key);

bool has_severed(const Ruleset& ruleset);

// The ruleset with the objects for it; `program` is what it was compiled from.
Ruleset with_severed(Ruleset ruleset, const Program& program);
Ruleset without_severed(Ruleset ruleset);

}  // namespace knockwork
