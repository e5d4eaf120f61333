// The chains of the constant program, and the names that maps refer to them by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ruleset/ruleset.hpp"

namespace knockwork {

// The priority of a knock that a local socket would hear: a flag from `gate` up to `input`.
inline constexpr std::string_view kOverheardPriority = "7411:1";
inline constexpr std::string_view kAtOnce = "1ms";  // the shortest time that an element can have

// A stretch of ports that the same declared ranges and conditional doors cover.
struct Segment {
  Service span;
  std::vector<Service> ranges;  // those that cover all of it; empty: it is one port
  std::vector<Door> doors{};    // conditional ones, of the whole stretch
  bool operator==(const Segment&) const = default;
};

// Cuts the declared ranges, and of the single ports those with conditional doors, into disjoint segments: the
// intervals of a map must not overlap.
std::vector<Segment> segment_ranges(const Program& program);

std::string segment_chain(const Segment& segment);  // "range_17_60000_61000", "port_6_22"
// Whether its connections end with their grants; `cut` is sorted.
bool is_cut(const std::vector<Service>& cut, const Segment& segment);
std::string door_segment_chain(const Segment& segment);  // "door_range_6_60000_61000"
std::string cut_segment_chain(const Segment& segment);   // "cut_range_17_60000_61000"
std::string waiting_chain(Duration step_timeout);        // "within_5s"
// Where firing a step leads: to waiting_chain or opening_chain, for a first step
// with a sequence_timeout to "within_5s_of_20s", and with `from` to one that asks
// for the source first: "from_1a2b3c4d_within_5s"; with `interfaces` for those before that.
enum class Asks { all, source, nothing };
std::string firing_chain(const Track& track, std::size_t step, Asks asks = Asks::all);
std::string from_set(const Track& track, char family);  // "from4_1a2b3c4d"
// The set of the interfaces of a track or a door: "on_1a2b3c4d", or "but_1a2b3c4d" of those that are not
// meant.
std::string on_set(const std::vector<std::string>& on);
// What a rule asks so that a packet came by one of them, one rule each: "iifname @on_1a2b3c4d ". Once it is
// routed, a VRF may have taken the interface's place.
std::string comes_by(const std::vector<std::string>& on);
std::vector<std::string> came_by(const std::vector<std::string>& on);
// The sequences whose grants for that service its use renews: those that open it there. `cut` does not
// matter.
std::vector<const Track*> prolonging(const Program& program, const Door& door);
std::string lasting_chain(const Service& service);  // "lasting_17_51820": a port of this host with such a one
std::string opening_chain(
    const Track& track);  // "open_30s_1a2b3c4d", "open_30s_2x_1a2b3c4d": by what it grants
std::string connection_chain(const Door& door);  // "take_1a2b3c4d": of a door with `connections`
std::string steps_map(std::size_t layer);        // "steps_1" for layer 0

// A constant as part of a lookup's key: `x & C | C` is C whatever x is, and
// reads no packet field that the rule would have to match first.
std::string constant_key(std::uint32_t value);
// A range as one number: its ends fit into a mark side by side.
std::uint32_t range_id(const Service& range);
// "ip6 saddr", or as much of it as counts: "ip6 saddr & ffff:ffff:ffff:ffff::"
std::string source4(int prefix);
std::string source6(int prefix);

// Whether an answer to what this side begins may come for a protected port: of a connection, where this
// host's programs get such ports without asking for them; of datagrams, from any service of this host over
// udp, or of any service elsewhere, but for those whose connections end with their grants.
bool has_own_connections(const Program& program);
bool has_own_flows(const Program& program);
bool has_spoken(const Program& program);  // either
bool has_watched_ranges(const Program& program);
bool has_service_ranges(const Program& program);

// Sorted by nothing in particular.
std::vector<Chain> compile_chains(const Program& program, std::size_t layers);

}  // namespace knockwork
