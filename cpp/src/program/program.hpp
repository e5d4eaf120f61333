// What the gate does, without a word of nftables: edges and openings.
//
// Every step of every sequence is an *edge* with a number of its own. A source
// that fires an edge may take the next one for a while; firing the last one
// grants the sequence's services. The reference machine (machine.hpp) runs this
// value, ruleset/ compiles it: one program, two readers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork {

// The first four bytes of a hash of the sequence's name, its knocks and the
// step: adding a sequence renumbers nobody, and a changed one shares no edge
// with its past. Never 0, which stands for "none".
using EdgeId = std::uint32_t;

struct Edge {
  EdgeId id = 0;
  Knock knock;
  bool operator==(const Edge&) const = default;
};

struct Track {  // one sequence, compiled
  std::string name;
  // It is opened by tokens: its only edge has the port that they are sent to, and no knock takes it.
  bool token = false;
  std::vector<Edge> edges;        // in the order of their steps, at least one
  std::vector<Service> services;  // what the last edge grants, sorted, no duplicates
  // In place of that: the names of the tracks whose grants it ends, sorted. All epochs of a derived sequence.
  std::vector<std::string> closes;
  Duration step_timeout;
  Duration open_for;
  // Of the whole sequence, from its latest first knock; two knocks or more.
  std::optional<Duration> sequence_timeout;
  // Only these sources may take its steps; empty: all. Sorted, none inside another.
  std::vector<Network> from;
  // Where its services are; empty: on this host. As few networks as cover them, sorted.
  std::vector<Network> to;
  // By which interfaces it is knocked and opened; empty: all that are protected. Sorted, none covered by
  // another: either those that it is for, or with `!` those that it is not for.
  std::vector<std::string> on;
  int connections = 0;   // new ones that a grant lets in, to all its services; 0: any number
  bool once = false;     // one grant, and no more until it is renewed
  bool prolong = false;  // use renews its grants
  bool cut = false;      // without a live grant its services' connections end
  bool operator==(const Track&) const = default;
};

struct Program {
  Mode mode = Mode::gate;
  bool reject =
      true;  // an ungranted packet to a protected service is answered like a closed port, else dropped
  std::vector<Service> public_services;  // sorted, none overlapping another; stealth only
  std::vector<PublicRule> public_rules;  // sorted, no duplicates; stealth only
  bool ping = true;                      // echo requests of both families pass; stealth only
  // By name or, as `eth*`, by its beginning; sorted, none covered by another; empty: all but loopback.
  std::vector<std::string> interfaces;
  std::vector<std::string> left_out;  // the same of those on which nothing is protected, if all others are
  std::vector<Network> always_allow;  // sorted, none inside another
  std::vector<Knock> guards;          // resolved: sorted, no knock, protected or public port among them
  bool lockout = true;                // wrong_knock: lockout
  Duration lockout_time;
  int ipv4_prefix = 32;   // a source is this much of its IPv4 address
  int ipv6_prefix = 128;  // a source is this much of its IPv6 address
  std::uint32_t sources = 65536;
  Log log = Log::none;
  std::vector<Track> tracks;  // sorted by name
  Duration token_memory;      // the longest of its tokens; zero without any
  bool operator==(const Program&) const = default;
};

// Pure. Throws std::logic_error where the Spec could not have come from load().
Program compile(const Spec& spec);

// Whether any track has a sequence_timeout.
bool has_sequence_timeouts(const Program& program);

// As a declaration lists them: "eth0", or "!wg0" of one that is left out.
std::vector<std::string> declared_interfaces(const Program& program);

// Whether a packet that came in by that interface is meant.
bool is_on(const std::vector<std::string>& interfaces, const std::string& name);

// The tracks that it closes.
std::vector<const Track*> closed_by(const Program& program, const Track& track);

// A service where it is: what is protected, and what a grant is for.
struct Door {
  std::vector<Network> to;  // empty: on this host
  Service service;
  bool cut = false;
  std::vector<std::string> on{};  // by which interfaces a grant opens it: as Track::on
  int connections = 0;            // as Track::connections, to all of `together`; else that is empty
  std::vector<Service> together{};
  auto operator<=>(const Door&) const = default;
};
Door door_of(const Track& track, const Service& service);

// As few networks as cover the same addresses: sorted, none inside another.
std::vector<Network> fewest(std::vector<Network> networks);

// What the tracks open elsewhere than on this host: sorted, no duplicates.
std::vector<Door> remote_doors(const Program& program);
// What they open on this host, but only under conditions that the port does not tell: sorted, no duplicates.
std::vector<Door> conditional_doors(const Program& program);
bool is_conditional(const Track& track);

// All services that any track opens on this host: sorted, no duplicates; ranges may overlap.
std::vector<Service> protected_services(const Program& program);
// Those of them whose connections end with their grants.
std::vector<Service> cut_services(const Program& program);
// What no grant opens of a protocol that has a service of all ports: those of knocks, tokens and guards, and
// in gate mode the one at which refused connections end. Sorted, no duplicates.
std::vector<Knock> closed_ports(const Program& program);

// Tokens that were used: room for so many, and how long each is only claimed.
inline constexpr std::uint32_t kMostUsedTokens = 65536;
inline constexpr Duration kClaimLasts = Duration::milliseconds(60'000);

// How long a used token is remembered: longer than it can be in the table from then on, and as much again. So
// much may the clock be set back before that counts as a loss.
Duration token_memory(const Token& token);

bool has_once(const Program& program);

// Use renews a grant with `prolong` once in a while, not with every packet: how often, and for how long, so
// that it lasts for `open_for` after any packet.
bool has_connections(const Program& program);
bool has_prolong(const Program& program);
Duration renewal_pause(Duration open_for);
Duration renewed_for(Duration open_for);
bool has_tokens(const Program& program);

// The ports of knocks, and of tokens: each sorted, no duplicates.
std::vector<Knock> knock_ports(const Program& program);
std::vector<Knock> token_ports(const Program& program);

// Whoever has one address of a /64 has them all: lockouts count by no longer a prefix.
int lockout_prefix(const Program& program);

// How long a late copy of a right knock is no wrong one, and what follows a knock that a lockout
// swallowed: a stack that is not answered sends a SYN again after 1, 3 and 7 seconds.
Duration excused_for(const Program& program);

// One line per edge, guard and grant, for golden tests and curious eyes. Shows ports.
std::string dump(const Program& program);

}  // namespace knockwork
