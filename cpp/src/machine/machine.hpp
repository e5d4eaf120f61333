// The reference machine: what the gate does with one packet, without nftables.
//
// A pure function of program, state and packet; time is part of the packet. It
// is the design's table "What a knock does" as code. `trace` runs it for users,
// and the compiled ruleset is tested against it packet by packet.
//
// What a packet does is decided on the state before it: `7000, 7000` does not
// take two steps on one packet. Steps that fire on one packet take effect from
// the last sequence's name to the first: where they compete for the last room in
// a set, the name that sorts last has it; where they grant the same service, the
// name that sorts first has the last word on its time.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "machine/packet.hpp"
#include "machine/timed_set.hpp"
#include "program/program.hpp"

namespace knockwork {

enum class Verdict {
  passed_on,          // not our business: as if there were no gate
  refused_by_reject,  // answered as a closed port answers, and nobody hears of it
  dropped,
  accepted  // let through because it is granted, established, public or always allowed
};
std::string to_string(Verdict verdict);  // "passed on", "rejected", "dropped", "accepted"

// The one rule that decided.
enum class Reason {
  loopback,
  unlisted,  // an interface on which nothing is protected
  routed,
  always_allowed,
  established,
  needed_by_ipv6,
  portless,  // neither TCP nor UDP
  ping,
  granted,
  ended,        // of a connection that its grant outlived by `on_expiry: cut`
  underway,     // TCP that nobody knows, and no beginning of a connection: nothing comes of it
  odd,          // TCP with flags that no stack sends: no two ports may differ in it
  not_granted,  // a protected service, and no grant for it
  public_service,
  no_port_of_ours,
  no_knock,     // a knock or guard port, but the packet does not count
  knock,        // something fired
  token,        // one that was not used before opens its sequence
  used_token,   // it was used before
  burnt_token,  // used up for nothing: by a source that may not use it, or of a spent sequence
  no_token,     // to a port for tokens, without one
  excused,      // no wrong knock: a late copy of a right one, or what follows one during a lockout
  out_of_turn,
  guard,
  stray,  // stealth: any other port
  locked_out
};

enum class Lockout { none, source, family };

struct Fired {
  EdgeId edge = 0;
  std::size_t track = 0;  // of Program::tracks
  std::size_t step = 0;   // of Track::edges
  bool noted = true;      // false where a full set did not take what follows
  bool spent = false;     // a duplicate of the knock that spent a `once` sequence: does nothing
  bool operator==(const Fired&) const = default;
};

struct Outcome {
  Verdict verdict = Verdict::passed_on;
  Reason reason = Reason::no_port_of_ours;
  std::vector<Fired> fired{};          // in the order of tracks and steps
  std::vector<Service> granted{};      // by this packet: sorted, no duplicates
  std::vector<std::string> closed{};   // whose grants this packet ended, by name: sorted
  std::vector<std::size_t> renewed{};  // whose grants this packet renewed (`prolong`), of Program::tracks
  bool wrong = false;
  bool used_token = false;         // this packet used a token up
  Lockout locked = Lockout::none;  // whom this packet locked out, or whose lockout it refreshed
  Instant left{0};                 // with Reason::granted: how long the grant still lives
  bool operator==(const Outcome&) const = default;
};

// What is remembered of the sources of one address family.
struct Memory {
  TimedSet<std::pair<Network, EdgeId>> expected;  // the steps a source may take next
  TimedSet<std::pair<Network, EdgeId>> excused;   // steps that are no wrong knock of a source
  TimedSet<std::pair<Network, EdgeId>> begun;     // later steps whose first knock is young enough
  TimedSet<std::pair<Network, Service>> granted;  // single ports
  TimedSet<std::pair<Network, Service>> ranged;   // ranges of ports
  TimedSet<std::pair<Network, Door>> reached;     // elsewhere than on this host, or under conditions
  // `connections`: those that a source may still begin, by one door of those that share them and a number;
  // those that somebody has just begun; and what began lately.
  TimedSet<std::pair<Network, std::pair<Door, int>>> open, taken;
  TimedSet<std::pair<Network, std::pair<Knock, std::uint32_t>>> begins;
  TimedSet<std::pair<Network, EdgeId>> holders;  // who holds a grant, by the last edge of its sequence
  TimedSet<std::pair<Network, std::vector<Door>>> renewed;  // `prolong`: by use of these doors, a moment ago
  TimedSet<Network> locked;     // an IPv4 address, or an IPv6 one's /64 or shorter
  TimedSet<Network> strays;     // the same, for a port that stealth closes
  Instant all_locked_until{0};  // no room was left to lock one source out
  bool operator==(const Memory&) const = default;
};

// Of tokens, for both families. One that was used is never in the table again; the kernel keeps it in mind
// for so long that it cannot be.
struct SeenTokens {
  TimedSet<SentToken> claimed, used;
  std::set<SentToken> gone;
  bool operator==(const SeenTokens&) const = default;
};

struct State {
  Instant now{0};
  Memory ipv4, ipv6;
  std::set<EdgeId> spent;  // `once` sequences, by their last edge
  SeenTokens tokens;
  bool operator==(const State&) const = default;
};

class Machine {
 public:
  explicit Machine(Program program);
  const Program& program() const { return program_; }

  // Throws std::logic_error where the packet is older than the one before it,
  // or where its source is not one address.
  Outcome take(State& state, const Packet& packet) const;

 private:
  struct Use {  // of a knock port by a step
    Knock knock;
    std::size_t track = 0;
    std::size_t step = 0;
    auto operator<=>(const Use&) const = default;
  };
  using Uses = std::pair<std::vector<Use>::const_iterator, std::vector<Use>::const_iterator>;

  Network key(const Packet& packet) const { return widened(packet.source, source_prefix(packet)); }
  int source_prefix(const Packet& packet) const {
    return packet.source.ipv6 ? program_.ipv6_prefix : program_.ipv4_prefix;
  }
  Network lockout_key(const Packet& packet) const;
  bool is_locked(const Memory& memory, const Packet& packet) const;
  bool is_on(const std::vector<std::string>& interfaces, const Packet& packet) const;
  bool is_protected(const Packet& packet) const;
  bool is_public(const Packet& packet) const;
  bool may_use(const Packet& packet, const Track& track) const;
  std::optional<Outcome> passes_by(const Packet& packet, const std::vector<Door>& doors) const;
  std::optional<Outcome> settled_early(const Packet& packet) const;
  std::optional<Outcome> goes_on_at(const Memory& memory, const Packet& packet,
                                    const std::vector<Door>& doors) const;
  bool is_left_out_of_all(const Packet& packet) const;
  std::vector<Door> doors_at(const Packet& packet) const;
  std::vector<std::size_t> prolonging(const std::vector<Door>& doors) const;
  std::vector<std::size_t> renew(Memory& memory, const Packet& packet, const std::vector<Door>& doors) const;
  void renew_by(Memory& memory, const Packet& packet, const Track& track) const;
  Instant granted_until(const Memory& memory, const Packet& packet, const std::vector<Door>& doors) const;
  Outcome unknown_segment(const Packet& packet, const std::vector<Door>& doors) const;
  Outcome refused() const;
  bool is_odd(const Packet& packet) const;
  bool is_watched(const Packet& packet) const;
  Uses uses_of(Knock target) const;
  bool comes_again(Memory& memory, const Packet& packet, const std::vector<Door>& doors) const;
  bool connect(Memory& memory, const Packet& packet, const Door& door) const;
  void note_connections(Memory& memory, const Packet& packet, const Track& track, Instant until) const;
  void end_grant(Memory& memory, const Packet& packet, const Door& door) const;
  Outcome at_doors(Memory& memory, const Packet& packet, const std::vector<Door>& every) const;
  bool is_stray(const Packet& packet) const;
  bool is_at_token_port(const Packet& packet) const;
  std::optional<Use> opened_by(const Packet& packet) const;
  bool use_token(SeenTokens& memory, const Packet& packet) const;
  Outcome at_token_port(State& state, Memory& memory, const Packet& packet) const;
  Outcome at_closed_port(State& state, Memory& memory, const Packet& packet) const;
  bool may_fire(const Memory& memory, const Packet& packet, const Use& use) const;
  std::optional<Fired> fires(const State& state, const Memory& memory, const Packet& packet,
                             const Use& use) const;
  std::vector<Fired> firing(const State& state, const Memory& memory, const Packet& packet) const;
  bool begin(Memory& memory, const Packet& packet, const Track& track) const;
  bool take_effect(State& state, Memory& memory, const Packet& packet, const Fired& fired,
                   Outcome& outcome) const;
  void close(Memory& memory, const Packet& packet, const Track& track, Outcome& outcome) const;
  bool grant(State& state, Memory& memory, const Packet& packet, const Fired& fired,
             std::vector<Service>& granted) const;
  std::vector<Use> following(const Memory& memory, const Packet& packet) const;
  void excuse(Memory& memory, const Packet& packet, const Use& use) const;
  Verdict at_knock_port() const {
    return program_.mode == Mode::gate ? Verdict::refused_by_reject : Verdict::dropped;
  }
  Lockout lock_out(Memory& memory, const Packet& packet, Reason reason) const;
  Outcome unwatched(const Packet& packet) const;
  Verdict closed() const { return program_.mode == Mode::gate ? Verdict::passed_on : Verdict::dropped; }

  Program program_;
  Duration excused_;                    // excused_for() it
  std::vector<Door> here_, elsewhere_;  // sorted
  std::vector<Use> uses_;               // of knock ports, sorted
  std::vector<std::uint32_t> used_;     // the knocks of these, as numbers: looked for with every packet
  std::vector<Knock> token_ports_;      // sorted
  std::vector<Knock> closed_;           // of `all/tcp`: sorted
};

// Why, as a sentence: "knock 1 of ssh (1/3): next within 5s". Shows the ports of services.
std::string why(const Program& program, const Packet& packet, const Outcome& outcome);

}  // namespace knockwork
