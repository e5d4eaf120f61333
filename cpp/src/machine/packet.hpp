// One packet as the gate sees it: what the reference machine is fed with.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "knockwork/spec.hpp"

namespace knockwork {

using Instant = std::chrono::milliseconds;  // since a beginning of the caller's choice

namespace tcp_flag {  // RFC 9293, section 3.1
inline constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10, urg = 0x20;
}

// What `fib daddr type` says. Unicast that is not local is routed traffic.
enum class DestinationType { local, broadcast, multicast, anycast, routed };

// What `ct state` says; `fresh` is its "new", a word that C++ keeps for itself.
enum class Conntrack { fresh, untracked, established, related, invalid };

enum class Ingress { network, loopback, unlisted };  // unlisted: not among `interfaces`

// A token that a datagram begins with: of which sequence, and which one of its tokens.
struct SentToken {
  std::string sequence;
  std::uint32_t number = 0;
  auto operator<=>(const SentToken&) const = default;
};

struct Packet {
  Instant time{0};
  Network source;  // one address: prefix 32 or 128
  Ingress ingress = Ingress::network;
  std::string interface {};  // by which it came; empty: one that every sequence takes knocks on
  DestinationType destination = DestinationType::local;
  std::optional<Network> address{};    // the destination's, where it matters: one address
  std::optional<Knock> target;         // protocol and destination port; none: neither TCP nor UDP
  std::optional<SentToken> token{};    // one that is good and in the table, of UDP alone
  std::uint8_t flags = tcp_flag::syn;  // of TCP alone
  Conntrack conntrack = Conntrack::fresh;
  bool reply = false;  // conntrack takes it for an answer
  // What conntrack believes is easily forged. This is true: the segment's socket is one of this
  // host's connections, or this side's own datagram began what this one answers.
  bool ours = false;
  // Which connection of its source it belongs to, where that matters: a first packet that comes again begins
  // no other one. 0: one of its own.
  std::uint32_t connection = 0;
  bool ping = false;            // an echo request
  bool needed_by_ipv6 = false;  // neighbour discovery, packet-too-big, …: what stealth lets through
  // Without a target: IANA's number, and the type of ICMP, as far as they are known.
  std::optional<std::uint8_t> protocol{}, icmp_type{};
  bool operator==(const Packet&) const = default;
};

}  // namespace knockwork
