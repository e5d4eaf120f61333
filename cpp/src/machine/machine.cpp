#include "machine/machine.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "machine/asking.hpp"

namespace knockwork {
namespace {

// A SYN is a new connection, whatever conntrack remembers; nor does an expectation make a
// connection known. Of ICMP what is related is an error of one.
bool is_known(const Packet& packet) {
  if (is_syn(packet)) return false;
  return packet.conntrack == Conntrack::established ||
         (packet.conntrack == Conntrack::related && !packet.target);
}

// Only what could open a connection to this host counts, and nothing that conntrack calls invalid.
bool counts(const Packet& packet) {
  if (packet.conntrack == Conntrack::invalid || packet.destination != DestinationType::local) return false;
  return !is_tcp(packet) || is_syn(packet);
}

// In the order of knocks.
std::uint32_t number_of(Knock knock) { return static_cast<std::uint32_t>(knock.protocol) << 16 | knock.port; }

// A whole link shares fe80::/64.
bool is_link_local(const Network& source) {
  return source.ipv6 && source.bytes[0] == 0xfe && (source.bytes[1] & 0xc0) == 0x80;
}

}  // namespace

Machine::Machine(Program program)
    : program_(std::move(program)),
      excused_(excused_for(program_)),
      elsewhere_(remote_doors(program_)),
      token_ports_(token_ports(program_)),
      closed_(closed_ports(program_)) {
  const std::vector<Service> cut = cut_services(program_);
  for (const Service& service : protected_services(program_)) {
    here_.push_back({{}, service, std::binary_search(cut.begin(), cut.end(), service)});
  }
  for (const Door& door : conditional_doors(program_)) here_.push_back(door);
  for (std::size_t track = 0; track < program_.tracks.size(); ++track) {
    if (program_.tracks[track].token) continue;
    const std::vector<Edge>& edges = program_.tracks[track].edges;
    for (std::size_t step = 0; step < edges.size(); ++step) uses_.push_back({edges[step].knock, track, step});
  }
  std::sort(uses_.begin(), uses_.end());
  used_.reserve(uses_.size());
  for (const Use& use : uses_) used_.push_back(number_of(use.knock));
}

bool Machine::is_odd(const Packet& packet) const {
  return program_.mode == Mode::gate && is_tcp(packet) &&
         (packet.flags & (tcp_flag::rst | tcp_flag::ack)) == 0 &&
         (packet.flags & (tcp_flag::fin | tcp_flag::syn)) != tcp_flag::syn;
}

bool Machine::is_on(const std::vector<std::string>& interfaces, const Packet& packet) const {
  return packet.interface.empty() || knockwork::is_on(interfaces, packet.interface);
}

Network Machine::lockout_key(const Packet& packet) const {
  if (is_link_local(packet.source)) return packet.source;
  return widened(packet.source, packet.source.ipv6 ? lockout_prefix(program_) : program_.ipv4_prefix);
}

bool Machine::is_locked(const Memory& memory, const Packet& packet) const {
  const Network network = lockout_key(packet);
  return packet.time < memory.all_locked_until || memory.locked.has(network, packet.time) ||
         memory.strays.has(network, packet.time);
}

Outcome Machine::take(State& state, const Packet& packet) const {
  if (packet.time < state.now) throw std::logic_error("machine: time goes back");
  if (packet.source.prefix != (packet.source.ipv6 ? 128 : 32)) {
    throw std::logic_error("machine: a packet comes from one address");
  }
  state.now = packet.time;
  Memory& memory = packet.source.ipv6 ? state.ipv6 : state.ipv4;
  const std::vector<Door> doors = doors_at(packet);
  if (const std::optional<Outcome> passing = passes_by(packet, doors)) return *passing;
  if (is_at_token_port(packet)) return at_token_port(state, memory, packet);
  std::optional<Outcome> settled = settled_early(packet);
  if (settled && settled->verdict == Verdict::dropped) return *settled;
  std::vector<std::size_t> renewed = renew(memory, packet, doors);
  if (!settled && !doors.empty()) settled = at_doors(memory, packet, doors);
  if (settled) {
    settled->renewed = std::move(renewed);
    return *settled;
  }
  if (is_known(packet)) return {Verdict::accepted, Reason::established};
  if (is_public(packet)) return {Verdict::accepted, Reason::public_service};
  if (!packet.target) return unwatched(packet);
  if (is_tcp(packet) && !is_syn(packet)) return unknown_segment(packet, {});
  return at_closed_port(state, memory, packet);
}

bool Machine::is_protected(const Packet& packet) const {
  return packet.interface.empty() || is_on(declared_interfaces(program_), packet);
}

// Whether stealth lets it in for everyone, or by a rule with conditions or without ports.
bool Machine::is_public(const Packet& packet) const {
  if (packet.target && covered(program_.public_services, *packet.target)) return true;
  return std::any_of(program_.public_rules.begin(), program_.public_rules.end(), [&](const PublicRule& rule) {
    const bool meant = rule.service ? packet.target && covers(*rule.service, *packet.target)
                                    : !packet.target && packet.protocol == rule.protocol &&
                                          (!rule.icmp_type || packet.icmp_type == rule.icmp_type);
    return meant && (rule.from.empty() || contained(rule.from, packet.source)) &&
           (rule.interface.empty() || is_on({rule.interface}, packet));
  });
}

// Whether somebody who comes like that may take the steps of a sequence.
bool Machine::may_use(const Packet& packet, const Track& track) const {
  return is_on(track.on, packet) && (track.from.empty() || contained(track.from, packet.source));
}

// What the gate has nothing to do with.
std::optional<Outcome> Machine::passes_by(const Packet& packet, const std::vector<Door>& doors) const {
  if (packet.ingress == Ingress::loopback) return Outcome{Verdict::passed_on, Reason::loopback};
  if (packet.ingress == Ingress::unlisted || !is_protected(packet))
    return Outcome{Verdict::passed_on, Reason::unlisted};
  if (packet.destination == DestinationType::routed && doors.empty()) {
    return Outcome{Verdict::passed_on, Reason::routed};
  }
  return std::nullopt;
}

// What is settled before any port of this host is looked at, but for those of tokens.
std::optional<Outcome> Machine::settled_early(const Packet& packet) const {
  if (contained(program_.always_allow, packet.source)) {
    return Outcome{Verdict::accepted, Reason::always_allowed};
  }
  if (packet.destination != DestinationType::routed && is_odd(packet)) {
    return Outcome{Verdict::dropped, Reason::odd};
  }
  return std::nullopt;
}

// At a service: one that began by being let in, or whose truth is known. None of those that end
// with their grants.
std::optional<Outcome> Machine::goes_on_at(const Memory& memory, const Packet& packet,
                                           const std::vector<Door>& doors) const {
  if (is_syn(packet)) return std::nullopt;
  const bool cut = std::any_of(doors.begin(), doors.end(), [](const Door& door) { return door.cut; });
  const bool established = packet.conntrack == Conntrack::established;
  if (cut) {
    const bool ends = established && (!packet.reply || is_tcp(packet));
    const bool covered = granted_until(memory, packet, doors) > packet.time;
    if ((ends || (is_tcp(packet) && packet.ours)) && !covered)
      return Outcome{Verdict::dropped, Reason::ended};
    return std::nullopt;
  }
  const bool ours = packet.ours && (established || is_tcp(packet));
  if ((established && !packet.reply) || ours) return Outcome{Verdict::accepted, Reason::established};
  return std::nullopt;
}

// TCP that begins no connection, and that nobody knows. A host answers it at open and closed ports
// alike; the gate sees to it that nothing comes of it. Stealth stays silent.
Outcome Machine::unknown_segment(const Packet& packet, const std::vector<Door>& doors) const {
  if (!doors.empty()) {
    const bool elsewhere = !doors.front().to.empty();
    if (elsewhere || program_.mode == Mode::stealth || !program_.reject) return refused();
  } else if (program_.mode == Mode::stealth) {
    return packet.ours ? Outcome{Verdict::accepted, Reason::established}
                       : Outcome{Verdict::dropped, Reason::underway};
  }
  return {Verdict::passed_on, Reason::underway};
}

Outcome Machine::refused() const {
  return {program_.reject ? Verdict::refused_by_reject : Verdict::dropped, Reason::not_granted};
}

// What `all/tcp` and `all/udp` do not mean.
// Whoever sends a token spends it, always allowed or not.
bool Machine::is_at_token_port(const Packet& packet) const {
  return packet.target && !is_known(packet) &&
         std::binary_search(token_ports_.begin(), token_ports_.end(), *packet.target);
}

// A token is used up before anybody asks whose it is; a wrong one is no wrong knock. No lockout matters.
Outcome Machine::at_token_port(State& state, Memory& memory, const Packet& packet) const {
  if (packet.destination != DestinationType::local && contained(program_.always_allow, packet.source)) {
    return {Verdict::accepted, Reason::always_allowed};
  }
  if (!counts(packet)) return {closed(), Reason::no_knock};
  Outcome outcome{at_knock_port(), Reason::no_token};
  const std::optional<Use> use = opened_by(packet);
  if (!use) return outcome;
  outcome.reason = Reason::used_token;
  if (state.tokens.gone.contains(*packet.token)) return outcome;
  outcome.reason = Reason::token;
  outcome.fired = {{program_.tracks[use->track].edges.front().id, use->track, 0, false}};
  outcome.used_token = use_token(state.tokens, packet);
  if (!outcome.used_token) return outcome;
  const std::optional<Fired> fired = fires(state, memory, packet, *use);
  if (!fired) {
    outcome.reason = Reason::burnt_token;
    outcome.fired.clear();
    return outcome;
  }
  outcome.fired = {*fired};
  outcome.fired.front().noted = take_effect(state, memory, packet, *fired, outcome);
  std::sort(outcome.granted.begin(), outcome.granted.end());
  return outcome;
}

// The sequence of the token that a packet begins with.
std::optional<Machine::Use> Machine::opened_by(const Packet& packet) const {
  if (!packet.token) return std::nullopt;
  for (std::size_t track = 0; track < program_.tracks.size(); ++track) {
    const Track& one = program_.tracks[track];
    if (one.token && one.name == packet.token->sequence) return Use{*packet.target, track, 0};
  }
  return std::nullopt;
}

// False where somebody has just claimed it, or where there is no room to remember it: then it opens nothing.
bool Machine::use_token(SeenTokens& memory, const Packet& packet) const {
  const SentToken& token = *packet.token;
  if (memory.claimed.has(token, packet.time)) return false;
  if (!memory.claimed.update(token, packet.time, after(packet, kClaimLasts), kMostUsedTokens)) return false;
  const Instant forgotten = after(packet, program_.token_memory);
  if (!memory.used.update(token, packet.time, forgotten, kMostUsedTokens)) return false;
  memory.gone.insert(token);
  return true;
}

// What neither fires anything nor is wrong. Declared ports come before this: a
// DHCPv6 reply to a knock port is a knock.
Outcome Machine::unwatched(const Packet& packet) const {
  if (program_.mode == Mode::stealth && packet.needed_by_ipv6) {
    return {Verdict::passed_on, Reason::needed_by_ipv6};
  }
  if (program_.mode == Mode::stealth && packet.ping && program_.ping) {
    return {Verdict::passed_on, Reason::ping};
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
  if (program_.mode != Mode::stealth) return false;
  const Uses uses = uses_of(*packet.target);
  return program_.lockout && packet.destination == DestinationType::local &&
         packet.conntrack != Conntrack::related && !packet.needed_by_ipv6 && uses.first == uses.second &&
         !std::binary_search(program_.guards.begin(), program_.guards.end(), *packet.target);
}

Machine::Uses Machine::uses_of(Knock target) const {
  const std::uint32_t number = number_of(target);
  const auto first = std::lower_bound(used_.begin(), used_.end(), number);
  auto last = first;
  while (last != used_.end() && *last == number) ++last;
  return {uses_.begin() + (first - used_.begin()), uses_.begin() + (last - used_.begin())};
}

Outcome Machine::at_closed_port(State& state, Memory& memory, const Packet& packet) const {
  if (!is_watched(packet)) return unwatched(packet);
  if (!counts(packet)) return {closed(), Reason::no_knock};
  const Uses uses = uses_of(*packet.target);
  const bool knocks = uses.first != uses.second;
  const bool locked = program_.lockout && is_locked(memory, packet);
  Outcome outcome{knocks ? at_knock_port() : closed(), Reason::knock};
  if (!locked) outcome.fired = firing(state, memory, packet);
  for (auto fired = outcome.fired.rbegin(); fired != outcome.fired.rend(); ++fired) {
    fired->noted = take_effect(state, memory, packet, *fired, outcome);
  }
  if (!outcome.fired.empty()) {
    std::sort(outcome.granted.begin(), outcome.granted.end());
    outcome.granted.erase(std::unique(outcome.granted.begin(), outcome.granted.end()), outcome.granted.end());
    return outcome;
  }
  const std::vector<Use> follows = program_.lockout ? following(memory, packet) : std::vector<Use>{};
  for (const Use& use : follows) excuse(memory, packet, use);
  if (!follows.empty()) {
    outcome.reason = locked ? Reason::locked_out : Reason::excused;
    return outcome;
  }
  const Reason unlocked = knocks ? Reason::out_of_turn : is_stray(packet) ? Reason::stray : Reason::guard;
  outcome.reason = locked ? Reason::locked_out : unlocked;
  outcome.wrong = true;
  if (program_.lockout) outcome.locked = lock_out(memory, packet, unlocked);
  return outcome;
}

// The steps of which this packet is a late copy, or which it takes in order while a lockout
// swallows it.
std::vector<Machine::Use> Machine::following(const Memory& memory, const Packet& packet) const {
  std::vector<Use> all;
  const Uses uses = uses_of(*packet.target);
  for (auto use = uses.first; use != uses.second; ++use) {
    const Track& track = program_.tracks[use->track];
    if (!may_use(packet, track)) continue;
    const std::pair<Network, EdgeId> step{key(packet), track.edges[use->step].id};
    if (use->step == 0 || memory.excused.has(step, packet.time)) all.push_back(*use);
  }
  std::reverse(all.begin(), all.end());  // later steps first, as in firing
  return all;
}

void Machine::excuse(Memory& memory, const Packet& packet, const Use& use) const {
  const std::vector<Edge>& edges = program_.tracks[use.track].edges;
  for (std::size_t step = use.step; step < std::min(use.step + 2, edges.size()); ++step) {
    memory.excused.update({key(packet), edges[step].id}, packet.time, after(packet, excused_),
                          program_.sources);
  }
}

bool Machine::may_fire(const Memory& memory, const Packet& packet, const Use& use) const {
  const Track& track = program_.tracks[use.track];
  if (!may_use(packet, track)) return false;
  if (use.step == 0) return true;
  const std::pair<Network, EdgeId> step{key(packet), track.edges[use.step].id};
  return memory.expected.has(step, packet.time) &&
         (!track.sequence_timeout || memory.begun.has(step, packet.time));
}

// A spent sequence's last knock does not fire; but whoever spent it may repeat it unpunished.
std::optional<Fired> Machine::fires(const State& state, const Memory& memory, const Packet& packet,
                                    const Use& use) const {
  const Track& track = program_.tracks[use.track];
  const EdgeId edge = track.edges[use.step].id;
  if (!may_fire(memory, packet, use)) return std::nullopt;
  const bool spent = track.once && use.step + 1 == track.edges.size() && state.spent.contains(edge);
  if (spent && !memory.holders.has({key(packet), edge}, packet.time)) return std::nullopt;
  return Fired{edge, use.track, use.step, true, spent};
}

std::vector<Fired> Machine::firing(const State& state, const Memory& memory, const Packet& packet) const {
  std::vector<Fired> all;
  const Uses uses = uses_of(*packet.target);
  for (auto use = uses.first; use != uses.second; ++use) {
    if (const auto fired = fires(state, memory, packet, *use)) all.push_back(*fired);
  }
  return all;
}

// False where a full set did not take what follows.
bool Machine::take_effect(State& state, Memory& memory, const Packet& packet, const Fired& fired,
                          Outcome& outcome) const {
  const Track& track = program_.tracks[fired.track];
  if (fired.spent) return true;
  if (program_.lockout) {
    memory.excused.update({key(packet), fired.edge}, packet.time, after(packet, excused_), program_.sources);
  }
  if (fired.step + 1 == track.edges.size()) {
    if (track.closes.empty()) return grant(state, memory, packet, fired, outcome.granted);
    close(memory, packet, track, outcome);
    return true;
  }
  const bool begun = fired.step != 0 || begin(memory, packet, track);
  return memory.expected.update({key(packet), track.edges[fired.step + 1].id}, packet.time,
                                after(packet, track.step_timeout), program_.sources) &&
         begun;
}

// What a source has by a grant of another sequence is over.
void Machine::close(Memory& memory, const Packet& packet, const Track& track, Outcome& outcome) const {
  const auto end = [&](auto& set, const auto& element) {
    set.update({key(packet), element}, packet.time, packet.time, program_.sources);
  };
  for (const Track* closed : closed_by(program_, track)) {
    const EdgeId edge = closed->edges.back().id;
    if (!memory.holders.has({key(packet), edge}, packet.time)) continue;
    end(memory.holders, edge);
    for (const Service& service : closed->services) {
      if (is_plain(*closed)) {
        end(grants(memory, service), service);
      } else {
        end(memory.reached, door_of(*closed, service));
      }
    }
    note_connections(memory, packet, *closed, packet.time);
    outcome.closed.push_back(closed->name);
  }
  std::sort(outcome.closed.begin(), outcome.closed.end());
}

// The first knock starts the clock of every later step. False where a full set did not take one of them.
bool Machine::begin(Memory& memory, const Packet& packet, const Track& track) const {
  if (!track.sequence_timeout) return true;
  bool all = true;
  for (std::size_t step = 1; step < track.edges.size(); ++step) {
    all = memory.begun.update({key(packet), track.edges[step].id}, packet.time,
                              after(packet, *track.sequence_timeout), program_.sources) &&
          all;
  }
  return all;
}

// A grant that nobody could see or revoke is none: without room among the holders nothing opens.
bool Machine::grant(State& state, Memory& memory, const Packet& packet, const Fired& fired,
                    std::vector<Service>& granted) const {
  const Track& track = program_.tracks[fired.track];
  const Instant until = after(packet, track.open_for);
  if (!memory.holders.update({key(packet), fired.edge}, packet.time, until, program_.sources)) return false;
  if (track.once) state.spent.insert(fired.edge);
  note_connections(memory, packet, track, until);
  const std::pair<Network, EdgeId> expected{key(packet), fired.edge};
  if (track.connections > 0 && memory.expected.has(expected, packet.time))  // a copy makes no second grant
    memory.expected.update(expected, packet.time, packet.time, program_.sources);
  bool all = true;
  for (const Service& service : track.services) {
    const bool room =
        is_plain(track)
            ? grants(memory, service).update({key(packet), service}, packet.time, until, program_.sources)
            : memory.reached.update({key(packet), door_of(track, service)}, packet.time, until,
                                    program_.sources);
    if (room) {
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
    const bool room = memory.strays.update(lockout_key(packet), packet.time, until, program_.sources);
    return room ? Lockout::source : Lockout::none;
  }
  if (memory.locked.update(lockout_key(packet), packet.time, until, program_.sources)) {
    return Lockout::source;
  }
  memory.all_locked_until = until;
  return Lockout::family;
}

}  // namespace knockwork
