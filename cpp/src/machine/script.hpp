// A list of packets as text: what `trace` reads. One packet per line:
//
//   # time  source        protocol and port, and what else is known of it
//   0s      192.0.2.7     7000/udp
//   +0.2s   192.0.2.7     22/tcp                   # 0.2 s after the packet before
//   1.5s    2001:db8::7   22/tcp ack established   # 1.5 s after the beginning
//   +1s     192.0.2.7     9000/udp broadcast
//   +1s     fe80::1       icmpv6 nd-neighbor-solicit
//   +1s     192.0.2.7     token=alice              # a new token of alice, to the port of its tokens
//   +1s     203.0.113.9   token=alice again        # the same token once more
//   +1s     192.0.2.7     9000/udp token=alice:1   # alice's first token, to some other port
//
// Words are those of nft and of the declaration:
//   tcp flags        syn (default), ack, fin, rst, psh, urg, joined as syn,ack; null, xmas
//   ct state         new (default), untracked, established, related, invalid
//   fib daddr type   local (default), broadcast, multicast, anycast, unicast (routed)
//   iif              lo, or on=eth1; without it: an interface that every sequence takes knocks on
//   icmp type        echo-request, nd-neighbor-solicit, …, after icmp or icmpv6; dhcpv6 with 546/udp
// connection=1 and the like tell the connections of a source apart, where a sequence has `connections`.
// A bare port is UDP, as in `knock`; knockd's 7000:udp is understood. What is
// neither TCP nor UDP is written by its name alone: icmp, icmpv6, gre, …
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "machine/packet.hpp"
#include "program/program.hpp"

namespace knockwork {

struct ScriptedPacket {
  Packet packet;
  std::string text;  // what the script says of it beside time and source
  bool operator==(const ScriptedPacket&) const = default;
};

// Throws InvalidDeclaration with every fault of the script; `name` is what diagnostics call it. The program
// says which sequences have tokens, and where those are sent.
std::vector<ScriptedPacket> read_script(std::string_view script, std::string_view name,
                                        const Program& program);

}  // namespace knockwork
