#include "program/machine.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace knockwork {
namespace {

constexpr std::uint8_t kLockoutPrefix6 = 64;  // whoever has one address of a /64 has them all

Instant after(const Packet& packet, Duration duration) {
  return packet.time + Instant(duration.milliseconds());
}

bool covers(const Service& service, Knock target) {
  return service.protocol == target.protocol && service.first <= target.port && target.port <= service.last;
}

bool covered(const std::vector<Service>& services, Knock target) {
  return std::any_of(services.begin(), services.end(),
                     [&](const Service& service) { return covers(service, target); });
}

bool contained(const std::vector<Network>& networks, const Network& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return contains(network, address); });
}

Network lockout_key(Network source) {
  if (!source.ipv6) return source;
  std::fill(source.bytes.begin() + kLockoutPrefix6 / 8, source.bytes.end(), std::uint8_t{0});
  source.prefix = kLockoutPrefix6;
  return source;
}

bool is_locked(const Memory& memory, const Packet& packet) {
  const Network key = lockout_key(packet.source);
  return packet.time < memory.all_locked_until || memory.locked.has(key, packet.time) ||
         memory.strays.has(key, packet.time);
}

bool is_underway(const Packet& packet) {
  return packet.target->protocol == Protocol::tcp &&
         (packet.flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::ack;
}

// Only what could open a connection counts, and nothing that conntrack calls invalid.
bool counts(const Packet& packet) {
  if (packet.conntrack != Conntrack::fresh && packet.conntrack != Conntrack::untracked) return false;
  constexpr auto kOpening = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;
  return packet.target->protocol == Protocol::udp || (packet.flags & kOpening) == tcp_flag::syn;
}

// Ranges have a set of their own: the key of the one cannot hold the other.
template <typename Remembered>
auto& grants(Remembered& memory, const Service& service) {
  return service.first == service.last ? memory.granted : memory.ranged;
}

// What is settled before any port is looked at.
std::optional<Outcome> settled_early(const Program& program, const Packet& packet) {
  if (packet.ingress == Ingress::loopback) return Outcome{Verdict::passed_on, Reason::loopback};
  if (packet.ingress == Ingress::unlisted) return Outcome{Verdict::passed_on, Reason::unlisted};
  if (packet.destination == Destination::routed) return Outcome{Verdict::passed_on, Reason::routed};
  if (contained(program.always_allow, packet.source)) {
    return Outcome{Verdict::accepted, Reason::always_allowed};
  }
  if (packet.conntrack == Conntrack::established || packet.conntrack == Conntrack::related) {
    return Outcome{Verdict::accepted, Reason::established};
  }
  return std::nullopt;
}

}  // namespace

Machine::Machine(Program program) : program_(std::move(program)), protected_(protected_services(program_)) {
  for (std::size_t track = 0; track < program_.tracks.size(); ++track) {
    const std::vector<Edge>& edges = program_.tracks[track].edges;
    for (std::size_t step = 0; step < edges.size(); ++step) uses_.push_back({edges[step].knock, track, step});
  }
  std::sort(uses_.begin(), uses_.end());
}

Outcome Machine::take(State& state, const Packet& packet) const {
  if (packet.time < state.now) throw std::logic_error("machine: time goes back");
  if (packet.source.prefix != (packet.source.ipv6 ? 128 : 32)) {
    throw std::logic_error("machine: a packet comes from one address");
  }
  state.now = packet.time;
  Memory& memory = packet.source.ipv6 ? state.ipv6 : state.ipv4;
  if (const std::optional<Outcome> settled = settled_early(program_, packet)) return *settled;
  if (!packet.target) return unwatched(packet);
  if (covered(protected_, *packet.target)) return at_service(memory, packet);
  // Whatever the port and in both modes: to answer some ports and not others would tell them apart.
  if (is_underway(packet)) return {Verdict::passed_on, Reason::underway};
  if (covered(program_.public_services, *packet.target)) return {Verdict::accepted, Reason::public_service};
  return at_closed_port(memory, packet);
}

Outcome Machine::at_service(const Memory& memory, const Packet& packet) const {
  Instant until = packet.time;
  for (const Service& service : protected_) {
    if (!covers(service, *packet.target)) continue;
    until = std::max(until, grants(memory, service).until({packet.source, service}, packet.time));
  }
  if (until > packet.time) {
    Outcome outcome{Verdict::accepted, Reason::granted};
    outcome.left = until - packet.time;
    return outcome;
  }
  if (is_underway(packet)) return {Verdict::passed_on, Reason::underway};
  return {program_.reject ? Verdict::refused_by_reject : Verdict::dropped, Reason::not_granted};
}

// What neither fires anything nor is wrong. Declared ports come before this: a
// DHCPv6 reply to a knock port is a knock.
Outcome Machine::unwatched(const Packet& packet) const {
  if (program_.mode == Mode::stealth && packet.needed_by_ipv6) {
    return {Verdict::passed_on, Reason::needed_by_ipv6};
  }
  return {closed(), packet.target ? Reason::no_port_of_ours : Reason::portless};
}

// A watched port is one on which a packet that counts fires something or is
// wrong. This is the one place that says which ports those are.
bool Machine::is_watched(const Packet& packet) const {
  const Uses uses = uses_of(*packet.target);
  return uses.first != uses.second ||
         std::binary_search(program_.guards.begin(), program_.guards.end(), *packet.target) ||
         is_stray(packet);
}

// Stealth: any other port of this host itself. What a neighbour broadcasts is no scan.
bool Machine::is_stray(const Packet& packet) const {
  const Uses uses = uses_of(*packet.target);
  return program_.mode == Mode::stealth && program_.lockout && packet.destination == Destination::local &&
         !packet.needed_by_ipv6 && uses.first == uses.second &&
         !std::binary_search(program_.guards.begin(), program_.guards.end(), *packet.target);
}

Machine::Uses Machine::uses_of(Knock target) const {
  struct ByKnock {
    bool operator()(const Use& use, Knock knock) const { return use.knock < knock; }
    bool operator()(Knock knock, const Use& use) const { return knock < use.knock; }
  };
  return std::equal_range(uses_.begin(), uses_.end(), target, ByKnock{});
}

Outcome Machine::at_closed_port(Memory& memory, const Packet& packet) const {
  if (!is_watched(packet)) return unwatched(packet);
  if (!counts(packet)) return {closed(), Reason::no_knock};
  const bool locked = program_.lockout && is_locked(memory, packet);
  Outcome outcome{closed(), Reason::knock};
  if (!locked) outcome.fired = firing(memory, packet);
  for (auto fired = outcome.fired.rbegin(); fired != outcome.fired.rend(); ++fired) {
    fired->noted = take_effect(memory, packet, *fired, outcome.granted);
  }
  if (!outcome.fired.empty()) {
    std::sort(outcome.granted.begin(), outcome.granted.end());
    outcome.granted.erase(std::unique(outcome.granted.begin(), outcome.granted.end()), outcome.granted.end());
    return outcome;
  }
  const Uses uses = uses_of(*packet.target);
  const Reason closed = is_stray(packet) ? Reason::stray : Reason::guard;
  const Reason unlocked = uses.first != uses.second ? Reason::out_of_turn : closed;
  outcome.reason = locked ? Reason::locked_out : unlocked;
  outcome.wrong = true;
  if (program_.lockout) outcome.locked = lock_out(memory, packet, closed);
  return outcome;
}

bool Machine::may_fire(const Memory& memory, const Packet& packet, const Use& use) const {
  const Track& track = program_.tracks[use.track];
  if (!track.from.empty() && !contained(track.from, packet.source)) return false;
  if (use.step == 0) return true;
  const std::pair<Network, EdgeId> step{packet.source, track.edges[use.step].id};
  return memory.expected.has(step, packet.time) &&
         (!track.sequence_timeout || memory.begun.has(step, packet.time));
}

std::vector<Fired> Machine::firing(const Memory& memory, const Packet& packet) const {
  std::vector<Fired> fired;
  const Uses uses = uses_of(*packet.target);
  for (auto use = uses.first; use != uses.second; ++use) {
    const EdgeId edge = program_.tracks[use->track].edges[use->step].id;
    if (may_fire(memory, packet, *use)) fired.push_back({edge, use->track, use->step});
  }
  return fired;
}

// False where a full set did not take what follows.
bool Machine::take_effect(Memory& memory, const Packet& packet, const Fired& fired,
                          std::vector<Service>& granted) const {
  const Track& track = program_.tracks[fired.track];
  if (fired.step + 1 == track.edges.size()) return grant(memory, packet, fired, granted);
  const bool begun = fired.step != 0 || begin(memory, packet, track);
  return memory.expected.update({packet.source, track.edges[fired.step + 1].id}, packet.time,
                                after(packet, track.step_timeout), program_.sources) &&
         begun;
}

// The first knock starts the clock of every later step. False where a full set did not take one of them.
bool Machine::begin(Memory& memory, const Packet& packet, const Track& track) const {
  if (!track.sequence_timeout) return true;
  bool all = true;
  for (std::size_t step = 1; step < track.edges.size(); ++step) {
    all = memory.begun.update({packet.source, track.edges[step].id}, packet.time,
                              after(packet, *track.sequence_timeout), program_.sources) &&
          all;
  }
  return all;
}

// A grant that nobody could see or revoke is none: without room among the holders nothing opens.
bool Machine::grant(Memory& memory, const Packet& packet, const Fired& fired,
                    std::vector<Service>& granted) const {
  const Track& track = program_.tracks[fired.track];
  const Instant until = after(packet, track.open_for);
  if (!memory.holders.update({packet.source, fired.edge}, packet.time, until, program_.sources)) return false;
  bool all = true;
  for (const Service& service : track.services) {
    if (grants(memory, service).update({packet.source, service}, packet.time, until, program_.sources)) {
      granted.push_back(service);
    } else {
      all = false;
    }
  }
  return all;
}

// Fails closed: were a wrong packet without room let off, a sweep that begins
// with filling the set would open everything. A full set alone does no harm to
// those who knock in order.
Lockout Machine::lock_out(Memory& memory, const Packet& packet, Reason reason) const {
  const Instant until = after(packet, program_.lockout_time);
  if (reason == Reason::stray) {
    const bool room = memory.strays.update(lockout_key(packet.source), packet.time, until, program_.sources);
    return room ? Lockout::source : Lockout::none;
  }
  if (memory.locked.update(lockout_key(packet.source), packet.time, until, program_.sources)) {
    return Lockout::source;
  }
  memory.all_locked_until = until;
  return Lockout::family;
}

}  // namespace knockwork
