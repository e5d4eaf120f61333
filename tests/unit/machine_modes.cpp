// Modes, addresses and full sets, as `trace` tells them: whole outputs.
#include <stdexcept>

#include "catch.hpp"
#include "machine/machine.hpp"
#include "machine_cases.hpp"

using namespace rules;

namespace {

// Every kind of packet to a protected service and beside it.
constexpr const char* kAllKinds = R"(
0 192.0.2.7 22/tcp
0 192.0.2.7 22/tcp ack
0 192.0.2.7 22/tcp syn,ack
0 192.0.2.7 22/tcp null
0 192.0.2.7 22/tcp xmas
0 192.0.2.7 22/tcp invalid
0 192.0.2.7 22/tcp broadcast
0 192.0.2.7 22/tcp unicast
0 192.0.2.7 22/tcp established
0 192.0.2.9 22/udp
0 192.0.2.7 80/tcp
0 192.0.2.7 80/tcp ack
0 192.0.2.7 7000
0 192.0.2.7 icmp
0 192.0.2.7 icmp related
0 fe80::1 icmpv6 nd-neighbor-solicit
0 fe80::1 icmpv6
0 fe80::1 546/udp dhcpv6
0 127.0.0.1 22/tcp lo
)";

// Protocols without ports, and a service on one interface and from one network.
void public_rules(Spec& spec) {
  spec.mode = Mode::stealth;
  PublicRule gre, timestamp, dns;
  gre.protocol = 47;
  timestamp.protocol = kIcmp;
  timestamp.icmp_type = 13;
  dns.service = Service{Protocol::udp, 53, 53};
  dns.interface = "eth1";
  dns.from = {*parse_network("192.0.2.0/24")};
  spec.public_rules = {gre, timestamp, dns};
}

}  // namespace

TEST_CASE("the two modes", "[machine][trace]") {
  require_told({
      {"gate refuses the protected services alone", ssh(), kAllKinds, R"(
   0.0s  192.0.2.7  22/tcp                      rejected   protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp ack                  passed on  not part of a known connection: answered as at a closed port
   0.0s  192.0.2.7  22/tcp syn,ack              passed on  not part of a known connection: answered as at a closed port
   0.0s  192.0.2.7  22/tcp null                 dropped    flags that no stack sends: dropped at every port, open or closed
   0.0s  192.0.2.7  22/tcp xmas                 dropped    flags that no stack sends: dropped at every port, open or closed
   0.0s  192.0.2.7  22/tcp invalid              rejected   protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp broadcast            rejected   protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp unicast              passed on  routed, not for this host
   0.0s  192.0.2.7  22/tcp established          rejected   protected, and the source has no grant
   0.0s  192.0.2.9  22/udp                      passed on  not a port in the declaration
   0.0s  192.0.2.7  80/tcp                      passed on  not a port in the declaration
   0.0s  192.0.2.7  80/tcp ack                  passed on  not part of a known connection: answered as at a closed port
   0.0s  192.0.2.7  7000                        rejected   knock 1 of ssh (1/3): next within 1s
   0.0s  192.0.2.7  icmp                        passed on  neither TCP nor UDP
   0.0s  192.0.2.7  icmp related                accepted   part of an established connection, or related to one
   0.0s  fe80::1    icmpv6 nd-neighbor-solicit  passed on  neither TCP nor UDP
   0.0s  fe80::1    icmpv6                      passed on  neither TCP nor UDP
   0.0s  fe80::1    546/udp dhcpv6              passed on  not a port in the declaration
   0.0s  127.0.0.1  22/tcp lo                   passed on  from this host itself
)"},
      {"stealth drops what is neither open nor public", with(ssh(), public_http), kAllKinds, R"(
   0.0s  192.0.2.7  22/tcp                      dropped    protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp ack                  dropped    protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp syn,ack              dropped    protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp null                 dropped    protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp xmas                 dropped    protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp invalid              dropped    protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp broadcast            dropped    protected, and the source has no grant
   0.0s  192.0.2.7  22/tcp unicast              passed on  routed, not for this host
   0.0s  192.0.2.7  22/tcp established          dropped    protected, and the source has no grant
   0.0s  192.0.2.9  22/udp                      dropped    wrong, a port that is closed in stealth mode: locked out for 2s
   0.0s  192.0.2.7  80/tcp                      accepted   public
   0.0s  192.0.2.7  80/tcp ack                  accepted   public
   0.0s  192.0.2.7  7000                        dropped    knock 1 of ssh (1/3): next within 1s
   0.0s  192.0.2.7  icmp                        dropped    neither TCP nor UDP: dropped in stealth mode
   0.0s  192.0.2.7  icmp related                accepted   part of an established connection, or related to one
   0.0s  fe80::1    icmpv6 nd-neighbor-solicit  passed on  required by IPv6
   0.0s  fe80::1    icmpv6                      dropped    neither TCP nor UDP: dropped in stealth mode
   0.0s  fe80::1    546/udp dhcpv6              passed on  required by IPv6
   0.0s  127.0.0.1  22/tcp lo                   passed on  from this host itself
)"},
      {"stealth lets in what a rule names, where and from whom it does", with(ssh(), public_rules), R"(
0 192.0.2.7 gre
0 192.0.2.7 esp
0 192.0.2.7 icmp timestamp-request
0 192.0.2.7 icmp
0 192.0.2.7 53/udp
0 192.0.2.7 53/udp on=eth1
0 192.0.2.7 53/udp broadcast
0 198.51.100.7 22/tcp
0 198.51.100.7 53/udp
+1s 198.51.100.7 7000
+3s 192.0.2.7 53/udp on=eth2
)",
       R"(
   0.0s  192.0.2.7     gre                     accepted   public
   0.0s  192.0.2.7     esp                     dropped    neither TCP nor UDP: dropped in stealth mode
   0.0s  192.0.2.7     icmp timestamp-request  accepted   public
   0.0s  192.0.2.7     icmp                    dropped    neither TCP nor UDP: dropped in stealth mode
   0.0s  192.0.2.7     53/udp                  accepted   public
   0.0s  192.0.2.7     53/udp on=eth1          accepted   public
   0.0s  192.0.2.7     53/udp broadcast        accepted   public
   0.0s  198.51.100.7  22/tcp                  dropped    protected, and the source has no grant
   0.0s  198.51.100.7  53/udp                  dropped    wrong, a port that is closed in stealth mode: locked out for 2s
   1.0s  198.51.100.7  7000                    dropped    the source is locked out: the knock is in order, so not wrong, but opens nothing
   4.0s  192.0.2.7     53/udp on=eth2          dropped    wrong, a port that is closed in stealth mode: locked out for 2s
)"},
      {"refuse: drop in gate mode", with(ssh(), [](Spec& spec) { spec.refuse = Refuse::drop; }), R"(
0 192.0.2.7 22/tcp
0 192.0.2.7 23/tcp
)",
       R"(
   0.0s  192.0.2.7  22/tcp  dropped    protected, and the source has no grant
   0.0s  192.0.2.7  23/tcp  passed on  not a port in the declaration
)"},
      {"refuse: reject in stealth mode",
       with(with(ssh(), stealth), [](Spec& spec) { spec.refuse = Refuse::reject; }), R"(
0 192.0.2.7 22/tcp
0 192.0.2.7 23/tcp
)",
       R"(
   0.0s  192.0.2.7  22/tcp  rejected   protected, and the source has no grant
   0.0s  192.0.2.7  23/tcp  dropped    wrong, a port that is closed in stealth mode: locked out for 2s
)"},
      {"a port that is knocked at is one, whatever IPv6 needs",
       with(with(spec_of({sequence("ssh", {udp(546)}, {kSsh})}), stealth),
            [](Spec& spec) {
              spec.guards = {Guards::Kind::listed, {udp(547)}};
            }),
       R"(
0 fe80::1 546/udp dhcpv6
0 fe80::1 547/udp dhcpv6
0 fe80::1 548/udp dhcpv6
)",
       R"(
   0.0s  fe80::1  546/udp dhcpv6  dropped    knock 1 of ssh (1/1): opens 22/tcp for 1m
   0.0s  fe80::1  547/udp dhcpv6  dropped    wrong, a guard port: locked out for 2s
   0.0s  fe80::1  548/udp dhcpv6  passed on  required by IPv6
)"},
  });
}

TEST_CASE("use renews a grant", "[machine][trace]") {
  const auto lasting = [](Spec& spec) { spec.sequences[0].prolong = true; };
  require_told({{"with what the client sends in a connection, and not with what begins one",
                 with(one_knock({kSsh, kMedia}), lasting), R"(
0 192.0.2.7 7000
+50s 192.0.2.7 22/tcp syn
+1s 192.0.2.7 22/tcp ack established
+3s 192.0.2.7 22/tcp ack established
+3s 192.0.2.7 60000/udp established reply
+0 192.0.2.7 60000/udp established
+66s 192.0.2.7 22/tcp ack established
)",
                 R"(
   0.0s  192.0.2.7  7000                         rejected   knock 1 of ssh (1/1): opens 22/tcp, 60000-61000/udp for 1m
  50.0s  192.0.2.7  22/tcp syn                   accepted   granted, for another 10s
  51.0s  192.0.2.7  22/tcp ack established       accepted   granted, for another 66s; renews the grant of ssh for 1m6s
  54.0s  192.0.2.7  22/tcp ack established       accepted   granted, for another 63s
  57.0s  192.0.2.7  60000/udp established reply  accepted   granted, for another 60s
  57.0s  192.0.2.7  60000/udp established        accepted   granted, for another 66s; renews the grant of ssh for 1m6s
 123.0s  192.0.2.7  22/tcp ack established       accepted   part of an established connection, or related to one
)"}});
}

TEST_CASE("a sequence closes what another has opened", "[machine][trace]") {
  Sequence close = sequence("close", {udp(9000), udp(7000)}, {});
  close.closes = "ssh";
  const Spec spec = spec_of({sequence("ssh", {udp(7000), udp(9000)}, {kSsh}), close});
  require_told({{"for the source that knocks, and for no other", spec, R"(
0 192.0.2.7 7000
+100ms 192.0.2.7 9000
+100ms 192.0.2.8 7000
+100ms 192.0.2.8 9000
+1s 192.0.2.7 9000
+100ms 192.0.2.7 7000
+100ms 192.0.2.7 22/tcp
+100ms 192.0.2.8 22/tcp
)",
                 R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of ssh (1/2): next within 1s
   0.1s  192.0.2.7  9000    rejected   knock 1 of close (1/2): next within 1s; knock 2 of ssh (2/2): opens 22/tcp for 1m
   0.2s  192.0.2.8  7000    rejected   knock 1 of ssh (1/2): next within 1s
   0.3s  192.0.2.8  9000    rejected   knock 1 of close (1/2): next within 1s; knock 2 of ssh (2/2): opens 22/tcp for 1m
   1.3s  192.0.2.7  9000    rejected   knock 1 of close (1/2): next within 1s
   1.4s  192.0.2.7  7000    rejected   knock 2 of close (2/2): closes ssh; knock 1 of ssh (1/2): next within 1s
   1.5s  192.0.2.7  22/tcp  rejected   protected, and the source has no grant
   1.6s  192.0.2.8  22/tcp  accepted   granted, for another 58.7s
)"}});
}

TEST_CASE("addresses", "[machine][trace]") {
  require_told({
      {"always_allow never knocks and is never locked out",
       with(ssh(), [](Spec& spec) { spec.always_allow = {*parse_network("192.0.2.0/28")}; }), R"(
0 192.0.2.7 22/tcp
0 192.0.2.7 9000
0 192.0.2.16 9000
)",
       R"(
   0.0s  192.0.2.7   22/tcp  accepted   the source is in always_allow
   0.0s  192.0.2.7   9000    accepted   the source is in always_allow
   0.0s  192.0.2.16  9000    rejected   wrong, a knock out of order: locked out for 2s
)"},
      {"IPv6 sources are addresses, their lockouts count by /64", ssh(), R"(
0 2001:db8::7 7000
+0 2001:db8::8 8000
+0 2001:db8:0:1::7 7000
+0.1s 2001:db8::7 8000
+0.1s 2001:db8:0:1::7 8000
)",
       R"(
   0.0s  2001:db8::7      7000  rejected   knock 1 of ssh (1/3): next within 1s
   0.0s  2001:db8::8      8000  rejected   wrong, a knock out of order: locked out for 2s
   0.0s  2001:db8:0:1::7  7000  rejected   knock 1 of ssh (1/3): next within 1s
   0.1s  2001:db8::7      8000  rejected   the source is locked out, knocks have no effect: locked out for 2s
   0.2s  2001:db8:0:1::7  8000  rejected   knock 2 of ssh (2/3): next within 1s
)"},
  });
}

TEST_CASE("full sets", "[machine][trace]") {
  require_told({
      {"an expected step without room is not expected", with(ssh(), room_for_one), R"(
0 192.0.2.7 7000
0.5s 192.0.2.8 7000
0.6s 192.0.2.8 8000
1s 192.0.2.9 7000
)",
       R"(
   0.0s  192.0.2.7  7000  rejected   knock 1 of ssh (1/3): next within 1s
   0.5s  192.0.2.8  7000  rejected   knock 1 of ssh (1/3): set full, the next knock is not expected; knock again later
   0.6s  192.0.2.8  8000  rejected   wrong, a knock out of order: locked out for 2s
   1.0s  192.0.2.9  7000  rejected   knock 1 of ssh (1/3): next within 1s
)"},
      {"a grant without room is none", with(one_knock({kSsh}), room_for_one), R"(
0 192.0.2.7 7000
0 192.0.2.8 7000
0 192.0.2.8 22/tcp
60s 192.0.2.8 7000
60s 192.0.2.8 22/tcp
)",
       R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of ssh (1/1): opens 22/tcp for 1m
   0.0s  192.0.2.8  7000    rejected   knock 1 of ssh (1/1): set full, not all grants fit; knock again later
   0.0s  192.0.2.8  22/tcp  rejected   protected, and the source has no grant
  60.0s  192.0.2.8  7000    rejected   knock 1 of ssh (1/1): opens 22/tcp for 1m
  60.0s  192.0.2.8  22/tcp  accepted   granted, for another 60s
)"},
      {"each service needs its own room", with(one_knock({kSsh, kHttp, kMedia}), room_for_one), R"(
0 192.0.2.7 7000
0 192.0.2.7 22/tcp
0 192.0.2.7 80/tcp
0 192.0.2.7 60000/udp
)",
       R"(
   0.0s  192.0.2.7  7000       rejected   knock 1 of ssh (1/1): set full, not all grants fit; knock again later
   0.0s  192.0.2.7  22/tcp     accepted   granted, for another 60s
   0.0s  192.0.2.7  80/tcp     rejected   protected, and the source has no grant
   0.0s  192.0.2.7  60000/udp  accepted   granted, for another 60s
)"},
      {"a full lockout set keeps nobody out who behaves", with(one_knock({kSsh}), room_for_one), R"(
0 192.0.2.8 7001
0.1s 192.0.2.8 7001
0.2s 192.0.2.7 7000
)",
       R"(
   0.0s  192.0.2.8  7001  passed on  wrong, a guard port: locked out for 2s
   0.1s  192.0.2.8  7001  passed on  the source is locked out, knocks have no effect: locked out for 2s
   0.2s  192.0.2.7  7000  rejected   knock 1 of ssh (1/1): opens 22/tcp for 1m
)"},
      {"a wrong knock without room locks its address family out", with(ssh(), room_for_one), R"(
0 192.0.2.6 7001
0.1s 192.0.2.7 7000
0.2s 192.0.2.8 9000
0.3s 192.0.2.7 8000
0.4s 2001:db8::7 7000
2.2s 192.0.2.7 7000
4.3s 192.0.2.7 7000
)",
       R"(
   0.0s  192.0.2.6    7001  passed on  wrong, a guard port: locked out for 2s
   0.1s  192.0.2.7    7000  rejected   knock 1 of ssh (1/3): next within 1s
   0.2s  192.0.2.8    9000  rejected   wrong, a knock out of order: lockout set full, so every IPv4 source is locked out for 2s
   0.3s  192.0.2.7    8000  rejected   the source is locked out, knocks have no effect: lockout set full, so every IPv4 source is locked out for 2s
   0.4s  2001:db8::7  7000  rejected   knock 1 of ssh (1/3): next within 1s
   2.2s  192.0.2.7    7000  rejected   the source is locked out: the knock is in order, so not wrong, but opens nothing
   4.3s  192.0.2.7    7000  rejected   knock 1 of ssh (1/3): next within 1s
)"},
  });
}

TEST_CASE("the machine refuses what no caller should give it", "[machine]") {
  const Machine machine(compile(ssh()));
  State state;
  Packet packet;
  packet.target = udp(7000);
  CHECK_THROWS_AS(machine.take(state, packet), std::logic_error);  // from no single address
  packet.source = *parse_network("192.0.2.7");
  packet.time = Instant(2);
  machine.take(state, packet);
  packet.time = Instant(1);
  CHECK_THROWS_AS(machine.take(state, packet), std::logic_error);  // time goes back
}

TEST_CASE("the state says who may do what, and until when", "[machine]") {
  const Machine machine(compile(one_knock({kSsh, kMedia})));
  const Network source = *parse_network("192.0.2.7");
  State state;
  Packet packet;
  packet.time = Instant(5);
  packet.source = source;
  packet.target = udp(7000);
  const Outcome outcome = machine.take(state, packet);
  const EdgeId edge = machine.program().tracks[0].edges[0].id;
  CHECK(outcome.fired == std::vector<Fired>{{edge, 0, 0, true}});
  CHECK(outcome.granted == std::vector<Service>{kSsh, kMedia});
  CHECK(state.now == Instant(5));
  CHECK(state.ipv4.holders.until({source, edge}, Instant(5)) == Instant(60005));
  CHECK(state.ipv4.granted.until({source, kSsh}, Instant(5)) == Instant(60005));
  CHECK(state.ipv4.ranged.until({source, kMedia}, Instant(5)) == Instant(60005));
  CHECK(state.ipv4.expected.elements().empty());
  CHECK(state.ipv6 == Memory{});
}
