// What the machine asks of packets, services and doors.
#pragma once

#include <algorithm>
#include <vector>

#include "machine/machine.hpp"

namespace knockwork {

inline Instant after(const Packet& packet, Duration duration) {
  return packet.time + Instant(duration.milliseconds());
}

inline bool covers(const Service& service, Knock target) {
  return service.protocol == target.protocol && service.first <= target.port && target.port <= service.last;
}

inline bool covered(const std::vector<Service>& services, Knock target) {
  return std::any_of(services.begin(), services.end(),
                     [&](const Service& service) { return covers(service, target); });
}

inline bool contained(const std::vector<Network>& networks, const Network& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return contains(network, address); });
}

inline bool is_tcp(const Packet& packet) { return packet.target && packet.target->protocol == Protocol::tcp; }

// The first segment of a connection.
inline bool is_syn(const Packet& packet) {
  constexpr auto kOpening = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;
  return is_tcp(packet) && (packet.flags & kOpening) == tcp_flag::syn;
}

// Whether the ports alone say what its grants open.
inline bool is_plain(const Track& track) { return track.to.empty() && !is_conditional(track); }

inline bool is_plain(const Door& door) { return door.to.empty() && door.on.empty() && door.connections == 0; }

// Ranges have a set of their own: the key of the one cannot hold the other.
template <typename Remembered>
auto& grants(Remembered& memory, const Service& service) {
  return service.first == service.last ? memory.granted : memory.ranged;
}

}  // namespace knockwork
