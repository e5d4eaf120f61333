// At the doors of services: whose grant counts there, what renews it, and which connections it lets in.
#include <algorithm>
#include <utility>
#include <vector>

#include "machine/asking.hpp"
#include "program/connections.hpp"
#include "values/all_ports.hpp"

namespace knockwork {
namespace {

// One that shares its connections with others, in the name of all of them.
Door in_common(Door door) {
  door.service = door.together.front();
  return door;
}

}  // namespace

bool Machine::is_left_out_of_all(const Packet& packet) const {
  const Knock dhcpv6{Protocol::udp, 546};
  return std::binary_search(closed_.begin(), closed_.end(), *packet.target) ||
         (packet.needed_by_ipv6 && *packet.target == dhcpv6) ||
         covered(program_.public_services, *packet.target);
}

// The doors that a packet stands before: those of its address, else those of this host.
std::vector<Door> Machine::doors_at(const Packet& packet) const {
  std::vector<Door> doors;
  if (!packet.target) return doors;
  for (const Door& door : elsewhere_) {
    if (packet.address && covers(door.service, *packet.target) && contained(door.to, *packet.address)) {
      doors.push_back(door);
    }
  }
  if (!doors.empty() || packet.destination == DestinationType::routed) return doors;
  std::copy_if(here_.begin(), here_.end(), std::back_inserter(doors),
               [&](const Door& door) { return covers(door.service, *packet.target); });
  if (is_left_out_of_all(packet)) {
    std::erase_if(doors, [](const Door& door) { return is_all_ports(door.service); });
  }
  return doors;
}

Instant Machine::granted_until(const Memory& memory, const Packet& packet,
                               const std::vector<Door>& doors) const {
  Instant until = packet.time;
  for (const Door& door : doors) {
    if (!is_on(door.on, packet)) continue;
    const Instant its = is_plain(door)
                            ? grants(memory, door.service).until({key(packet), door.service}, packet.time)
                            : memory.reached.until({key(packet), door}, packet.time);
    until = std::max(until, its);
  }
  return until;
}

// The sequences with `prolong` that open one of the doors; of two that renew the same the longer has the last
// word.
std::vector<std::size_t> Machine::prolonging(const std::vector<Door>& doors) const {
  std::vector<std::size_t> tracks;
  for (std::size_t at = 0; at < program_.tracks.size(); ++at) {
    const Track& track = program_.tracks[at];
    if (track.prolong && std::any_of(doors.begin(), doors.end(), [&](const Door& door) {
          return door.to == track.to && door.on == track.on &&
                 std::binary_search(track.services.begin(), track.services.end(), door.service);
        })) {
      tracks.push_back(at);
    }
  }
  std::stable_sort(tracks.begin(), tracks.end(), [&](std::size_t left, std::size_t right) {
    return program_.tracks[left].open_for < program_.tracks[right].open_for;
  });
  return tracks;
}

void Machine::renew_by(Memory& memory, const Packet& packet, const Track& track) const {
  const Instant until = after(packet, renewed_for(track.open_for));
  memory.holders.update({key(packet), track.edges.back().id}, packet.time, until, program_.sources);
  for (const Service& service : track.services) {
    if (is_plain(track)) {
      grants(memory, service).update({key(packet), service}, packet.time, until, program_.sources);
    } else {
      memory.reached.update({key(packet), door_of(track, service)}, packet.time, until, program_.sources);
    }
  }
}

// What a client sends in a connection that both sides have spoken in renews the grants by which it may use
// the service, once in a while. A port of this host counts for itself, and the ranges over it together; so
// does each conditional door.
std::vector<std::size_t> Machine::renew(Memory& memory, const Packet& packet,
                                        const std::vector<Door>& doors) const {
  if (is_syn(packet) || packet.conntrack != Conntrack::established || packet.reply) return {};
  std::vector<std::vector<Door>> groups(1), conditional;
  for (const Door& door : doors) {
    const bool here = door.to.empty();
    if (door.connections > 0) continue;
    if (here && !door.on.empty()) {
      conditional.push_back({door});
    } else if (here && door.service.first == door.service.last) {
      groups.insert(groups.begin(), {door});
    } else {
      groups.back().push_back(door);
    }
  }
  groups.insert(groups.end(), conditional.begin(), conditional.end());
  std::vector<std::size_t> renewed;
  for (const std::vector<Door>& group : groups) {
    const std::vector<std::size_t> tracks = prolonging(group);
    if (tracks.empty() || memory.renewed.has({key(packet), group}, packet.time)) continue;
    if (granted_until(memory, packet, group) <= packet.time) continue;
    for (const std::size_t at : tracks) {
      const Track& track = program_.tracks[at];
      if (!memory.holders.has({key(packet), track.edges.back().id}, packet.time)) continue;
      renew_by(memory, packet, track);
      renewed.push_back(at);
    }
    memory.renewed.update({key(packet), group}, packet.time,
                          after(packet, renewal_pause(program_.tracks[tracks.front()].open_for)),
                          program_.sources);
  }
  std::sort(renewed.begin(), renewed.end());
  renewed.erase(std::unique(renewed.begin(), renewed.end()), renewed.end());
  return renewed;
}

// The first packet of a connection that was let in, or one more of a flow.
bool Machine::comes_again(Memory& memory, const Packet& packet, const std::vector<Door>& doors) const {
  const bool counted =
      std::any_of(doors.begin(), doors.end(), [](auto& door) { return door.connections > 0; });
  const std::pair<Network, std::pair<Knock, std::uint32_t>> begun{packet.source,
                                                                  {*packet.target, packet.connection}};
  if (!counted || packet.connection == 0 || !memory.begins.has(begun, packet.time)) return false;
  if (!is_tcp(packet))
    memory.begins.update(begun, packet.time, after(packet, kBeginningLasts), program_.sources);
  return true;
}

// Takes one of the connections that a grant lets in; with the last one the grant ends.
bool Machine::connect(Memory& memory, const Packet& packet, const Door& door) const {
  for (int number = 1; number <= door.connections; ++number) {
    const std::pair<Network, std::pair<Door, int>> one{key(packet), {in_common(door), number}};
    if (!memory.open.has(one, packet.time) || memory.taken.has(one, packet.time)) continue;
    if (!memory.taken.update(one, packet.time, after(packet, kTakingLasts), program_.sources)) continue;
    memory.open.update(one, packet.time, packet.time, program_.sources);
    if (packet.connection != 0)
      memory.begins.update({packet.source, {*packet.target, packet.connection}}, packet.time,
                           after(packet, kBeginningLasts), program_.sources);
    if (number == door.connections) end_grant(memory, packet, door);
    return true;
  }
  return false;
}

void Machine::end_grant(Memory& memory, const Packet& packet, const Door& door) const {
  for (const Service& service : door.together) {
    Door each = door;
    each.service = service;
    memory.reached.update({key(packet), each}, packet.time, packet.time, program_.sources);
  }
  for (const Track& track : program_.tracks) {
    if (track.connections == 0 || door_of(track, track.services.front()) != in_common(door)) continue;
    const std::pair<Network, EdgeId> holder{key(packet), track.edges.back().id};
    if (memory.holders.has(holder, packet.time))
      memory.holders.update(holder, packet.time, packet.time, program_.sources);
  }
}

// So many, however many are left of an earlier grant.
void Machine::note_connections(Memory& memory, const Packet& packet, const Track& track,
                               Instant until) const {
  for (int number = 1; number <= track.connections; ++number) {
    memory.open.update({key(packet), {door_of(track, track.services.front()), number}}, packet.time, until,
                       program_.sources);
  }
}

Outcome Machine::at_doors(Memory& memory, const Packet& packet, const std::vector<Door>& every) const {
  const auto counts = [](const Door& door) { return door.connections > 0; };
  std::vector<Door> doors = every, counted;
  std::erase_if(doors, counts);
  if (!is_tcp(packet) || is_syn(packet)) {
    std::copy_if(every.begin(), every.end(), std::back_inserter(counted), counts);
    if (comes_again(memory, packet, counted)) return {Verdict::accepted, Reason::established};
  }
  if (!counted.empty()) {
    if (const auto outcome = goes_on_at(memory, packet, every)) return *outcome;
    for (const Door& door : counted) {
      const Instant left = granted_until(memory, packet, doors) > packet.time
                               ? Instant(0)
                               : granted_until(memory, packet, {door}) - packet.time;
      if (left <= Instant(0) || !connect(memory, packet, door)) continue;
      Outcome outcome{Verdict::accepted, Reason::granted};
      outcome.left = left;
      return outcome;
    }
  }
  if (const Instant until = granted_until(memory, packet, doors); until > packet.time) {
    Outcome outcome{Verdict::accepted, Reason::granted};
    outcome.left = until - packet.time;
    return outcome;
  }
  if (const auto outcome = goes_on_at(memory, packet, every)) return *outcome;
  if (is_tcp(packet) && !is_syn(packet)) return unknown_segment(packet, every);
  return refused();
}

}  // namespace knockwork
