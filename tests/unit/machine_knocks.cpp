// The rules of knocks one by one, as `trace` tells them: whole outputs.
#include "catch.hpp"
#include "machine_cases.hpp"

using namespace rules;

TEST_CASE("knocks open what they should", "[machine][trace]") {
  require_told({
      {"knocks in order open, for a while", ssh(), R"(
0 192.0.2.7 7000
+0.2s 192.0.2.7 8000
+0.2s 192.0.2.7 9000
+0.1s 192.0.2.7 22/tcp
+59.8s 192.0.2.7 22/tcp
60.4s 192.0.2.7 22/tcp
)",
       R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of ssh (1/3): next within 1s
   0.2s  192.0.2.7  8000    rejected   knock 2 of ssh (2/3): next within 1s
   0.4s  192.0.2.7  9000    rejected   knock 3 of ssh (3/3): opens 22/tcp for 1m
   0.5s  192.0.2.7  22/tcp  accepted   granted, for another 59.9s
  60.3s  192.0.2.7  22/tcp  accepted   granted, for another 0.1s
  60.4s  192.0.2.7  22/tcp  rejected   protected, and the source has no grant
)"},
      {"a step expires at its timeout, not after it", ssh(), R"(
0 192.0.2.7 7000
999ms 192.0.2.7 8000
1999ms 192.0.2.7 9000
)",
       R"(
 0.000s  192.0.2.7  7000  rejected   knock 1 of ssh (1/3): next within 1s
 0.999s  192.0.2.7  8000  rejected   knock 2 of ssh (2/3): next within 1s
 1.999s  192.0.2.7  9000  rejected   wrong, a knock out of order: locked out for 2s
)"},
      {"the timeout is of each step, not of the sequence", ssh(), R"(
0 192.0.2.7 7000
+0.9s 192.0.2.7 8000
+0.9s 192.0.2.7 9000
)",
       R"(
   0.0s  192.0.2.7  7000  rejected   knock 1 of ssh (1/3): next within 1s
   0.9s  192.0.2.7  8000  rejected   knock 2 of ssh (2/3): next within 1s
   1.8s  192.0.2.7  9000  rejected   knock 3 of ssh (3/3): opens 22/tcp for 1m
)"},
      {"duplicates do no harm", ssh(), R"(
0 192.0.2.7 7000
+0 192.0.2.7 7000
+0.1s 192.0.2.7 8000
+0 192.0.2.7 8000
+0.1s 192.0.2.7 9000
+0 192.0.2.7 9000
+0.1s 192.0.2.7 22/tcp
)",
       R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of ssh (1/3): next within 1s
   0.0s  192.0.2.7  7000    rejected   knock 1 of ssh (1/3): next within 1s
   0.1s  192.0.2.7  8000    rejected   knock 2 of ssh (2/3): next within 1s
   0.1s  192.0.2.7  8000    rejected   knock 2 of ssh (2/3): next within 1s
   0.2s  192.0.2.7  9000    rejected   knock 3 of ssh (3/3): opens 22/tcp for 1m
   0.2s  192.0.2.7  9000    rejected   knock 3 of ssh (3/3): opens 22/tcp for 1m
   0.3s  192.0.2.7  22/tcp  accepted   granted, for another 59.9s
)"},
      {"sources are strangers to each other", ssh(), R"(
0 192.0.2.7 7000
+0 192.0.2.8 7000
+0.1s 192.0.2.8 9000
+0.1s 192.0.2.7 8000
+0.1s 192.0.2.7 9000
+0 192.0.2.7 22/tcp
+0 192.0.2.8 22/tcp
)",
       R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of ssh (1/3): next within 1s
   0.0s  192.0.2.8  7000    rejected   knock 1 of ssh (1/3): next within 1s
   0.1s  192.0.2.8  9000    rejected   wrong, a knock out of order: locked out for 2s
   0.2s  192.0.2.7  8000    rejected   knock 2 of ssh (2/3): next within 1s
   0.3s  192.0.2.7  9000    rejected   knock 3 of ssh (3/3): opens 22/tcp for 1m
   0.3s  192.0.2.7  22/tcp  accepted   granted, for another 60s
   0.3s  192.0.2.8  22/tcp  rejected   protected, and the source has no grant
)"},
  });
}

TEST_CASE("wrong knocks", "[machine][trace]") {
  require_told({
      {"a wrong knock locks out, and while locked out every knock is wrong", ssh(), R"(
0 192.0.2.7 7000
+0.1s 192.0.2.7 9000
+0.1s 192.0.2.7 8000
+1.9s 192.0.2.7 7001
+2s 192.0.2.7 7000
)",
       R"(
   0.0s  192.0.2.7  7000  rejected   knock 1 of ssh (1/3): next within 1s
   0.1s  192.0.2.7  9000  rejected   wrong, a knock out of order: locked out for 2s
   0.2s  192.0.2.7  8000  rejected   the source is locked out, knocks have no effect: locked out for 2s
   2.1s  192.0.2.7  7001  passed on  the source is locked out, knocks have no effect: locked out for 2s
   4.1s  192.0.2.7  7000  rejected   knock 1 of ssh (1/3): next within 1s
)"},
      {"a lockout ignores knocks and nothing else", ssh(), R"(
0 192.0.2.7 7000
+0.1s 192.0.2.7 8000
+0.1s 192.0.2.7 9000
+0.1s 192.0.2.7 7001
+0 192.0.2.7 22/tcp
+0 192.0.2.7 22/tcp ack established
+0 192.0.2.7 7000
)",
       R"(
   0.0s  192.0.2.7  7000                    rejected   knock 1 of ssh (1/3): next within 1s
   0.1s  192.0.2.7  8000                    rejected   knock 2 of ssh (2/3): next within 1s
   0.2s  192.0.2.7  9000                    rejected   knock 3 of ssh (3/3): opens 22/tcp for 1m
   0.3s  192.0.2.7  7001                    passed on  wrong, a guard port: locked out for 2s
   0.3s  192.0.2.7  22/tcp                  accepted   granted, for another 59.9s
   0.3s  192.0.2.7  22/tcp ack established  accepted   granted, for another 59.9s
   0.3s  192.0.2.7  7000                    rejected   the source is locked out: the knock is in order, so not wrong, but opens nothing
)"},
      {"wrong_knock: ignore", with(ssh(), ignoring), R"(
0 192.0.2.7 7000
+0.1s 192.0.2.7 9000
+0.1s 192.0.2.7 7001
+0.1s 192.0.2.7 8000
)",
       R"(
   0.0s  192.0.2.7  7000  rejected   knock 1 of ssh (1/3): next within 1s
   0.1s  192.0.2.7  9000  rejected   wrong, a knock out of order: ignored
   0.2s  192.0.2.7  7001  passed on  not a port in the declaration
   0.3s  192.0.2.7  8000  rejected   knock 2 of ssh (2/3): next within 1s
)"},
  });
}

TEST_CASE("what counts as a knock", "[machine][trace]") {
  require_told({
      {"what counts as a knock, and what is left alone", ssh(), R"(
0 192.0.2.7 7000 invalid
0 192.0.2.7 8000 invalid
0 192.0.2.7 7001 invalid
0 192.0.2.7 7000 untracked
+0 192.0.2.7 8000 broadcast
+0 192.0.2.7 9000 unicast
+0 192.0.2.7 9000 lo
+0 192.0.2.7 9000 established
+0 192.0.2.7 9000 related
+0 192.0.2.7 9000/tcp
+0 192.0.2.7 9000 anycast
)",
       R"(
   0.0s  192.0.2.7  7000 invalid      passed on  not a knock: invalid for conntrack
   0.0s  192.0.2.7  8000 invalid      passed on  not a knock: invalid for conntrack
   0.0s  192.0.2.7  7001 invalid      passed on  not a knock: invalid for conntrack
   0.0s  192.0.2.7  7000 untracked    rejected   knock 1 of ssh (1/3): next within 1s
   0.0s  192.0.2.7  8000 broadcast    passed on  not a knock: the destination is not an address of this host only
   0.0s  192.0.2.7  9000 unicast      passed on  routed, not for this host
   0.0s  192.0.2.7  9000 lo           passed on  from this host itself
   0.0s  192.0.2.7  9000 established  accepted   part of an established connection, or related to one
   0.0s  192.0.2.7  9000 related      rejected   wrong, a knock out of order: locked out for 2s
   0.0s  192.0.2.7  9000/tcp          passed on  not a port in the declaration
   0.0s  192.0.2.7  9000 anycast      passed on  not a knock: the destination is not an address of this host only
)"},
      {"of TCP only an opening packet counts", spec_of({sequence("ssh", {tcp(7000)}, {kSsh})}), R"(
0 192.0.2.7 7000/tcp ack
0 192.0.2.7 7000/tcp syn,ack
0 192.0.2.7 7000/tcp fin
0 192.0.2.7 7000/tcp syn,rst
0 192.0.2.7 7000/tcp syn,fin
0 192.0.2.7 7001/tcp null
0 192.0.2.7 7000/udp
0 192.0.2.7 7000/tcp syn,psh,urg
)",
       R"(
   0.0s  192.0.2.7  7000/tcp ack          passed on  not part of a known connection: answered as at a closed port
   0.0s  192.0.2.7  7000/tcp syn,ack      passed on  not part of a known connection: answered as at a closed port
   0.0s  192.0.2.7  7000/tcp fin          dropped    flags that no stack sends: dropped at every port, open or closed
   0.0s  192.0.2.7  7000/tcp syn,rst      passed on  not part of a known connection: answered as at a closed port
   0.0s  192.0.2.7  7000/tcp syn,fin      dropped    flags that no stack sends: dropped at every port, open or closed
   0.0s  192.0.2.7  7001/tcp null         dropped    flags that no stack sends: dropped at every port, open or closed
   0.0s  192.0.2.7  7000/udp              passed on  not a port in the declaration
   0.0s  192.0.2.7  7000/tcp syn,psh,urg  rejected   knock 1 of ssh (1/1): opens 22/tcp for 1m
)"},
      {"one packet takes one step", spec_of({sequence("ssh", {udp(7000), udp(7000)}, {kSsh})}), R"(
0 192.0.2.7 7000
+0 192.0.2.7 22/tcp
+0.1s 192.0.2.7 7000
+0 192.0.2.7 22/tcp
)",
       R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of ssh (1/2): next within 1s
   0.0s  192.0.2.7  22/tcp  rejected   protected, and the source has no grant
   0.1s  192.0.2.7  7000    rejected   knock 1 of ssh (1/2): next within 1s; knock 2 of ssh (2/2): opens 22/tcp for 1m
   0.1s  192.0.2.7  22/tcp  accepted   granted, for another 60s
)"},
  });
}

TEST_CASE("sequences beside each other", "[machine][trace]") {
  require_told({
      {"sequences share ports and begin alike",
       spec_of({sequence("a", {udp(7000), udp(8000)}, {kSsh}), sequence("b", {udp(7000), udp(9000)}, {kHttp}),
                sequence("c", {udp(8000), udp(7000)}, {kMedia})}),
       R"(
0 192.0.2.7 7000
+0.1s 192.0.2.7 8000
+0.1s 192.0.2.7 7000
+0.1s 192.0.2.7 9000
)",
       R"(
   0.0s  192.0.2.7  7000  rejected   knock 1 of a (1/2): next within 1s; knock 1 of b (1/2): next within 1s
   0.1s  192.0.2.7  8000  rejected   knock 2 of a (2/2): opens 22/tcp for 1m; knock 1 of c (1/2): next within 1s
   0.2s  192.0.2.7  7000  rejected   knock 1 of a (1/2): next within 1s; knock 1 of b (1/2): next within 1s; knock 2 of c (2/2): opens 60000-61000/udp for 1m
   0.3s  192.0.2.7  9000  rejected   knock 2 of b (2/2): opens 80/tcp for 1m
)"},
      {"the latest grant's time counts, even if shorter",
       spec_of({sequence("long", {udp(7000)}, {kSsh}, 60), sequence("short", {udp(8000)}, {kSsh}, 1)}), R"(
0 192.0.2.7 7000
+0.1s 192.0.2.7 8000
+0.1s 192.0.2.7 22/tcp
+0.9s 192.0.2.7 22/tcp
)",
       R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of long (1/1): opens 22/tcp for 1m
   0.1s  192.0.2.7  8000    rejected   knock 1 of short (1/1): opens 22/tcp for 1s
   0.2s  192.0.2.7  22/tcp  accepted   granted, for another 0.9s
   1.1s  192.0.2.7  22/tcp  rejected   protected, and the source has no grant
)"},
      {"of two grants on one packet the first name has the last word",
       spec_of({sequence("b", {udp(7000)}, {kSsh}, 60), sequence("a", {udp(7000)}, {kSsh}, 1)}), R"(
0 192.0.2.7 7000
0 192.0.2.7 22/tcp
)",
       R"(
   0.0s  192.0.2.7  7000    rejected   knock 1 of a (1/1): opens 22/tcp for 1s; knock 1 of b (1/1): opens 22/tcp for 1m
   0.0s  192.0.2.7  22/tcp  accepted   granted, for another 1s
)"},
      {"a grant of a range opens its ports, a grant of a port that port",
       spec_of({sequence("media", {udp(7000)}, {kMedia}),
                sequence("one", {udp(8000)}, {{Protocol::udp, 60500, 60500}})}),
       R"(
0 192.0.2.7 7000
0 192.0.2.7 60000/udp
0 192.0.2.7 60500/udp
0 192.0.2.7 60500/tcp
0 192.0.2.7 61001/udp
0 192.0.2.8 8000
0 192.0.2.8 60500/udp
0 192.0.2.8 60501/udp
)",
       R"(
   0.0s  192.0.2.7  7000       rejected   knock 1 of media (1/1): opens 60000-61000/udp for 1m
   0.0s  192.0.2.7  60000/udp  accepted   granted, for another 60s
   0.0s  192.0.2.7  60500/udp  accepted   granted, for another 60s
   0.0s  192.0.2.7  60500/tcp  passed on  not a port in the declaration
   0.0s  192.0.2.7  61001/udp  passed on  not a port in the declaration
   0.0s  192.0.2.8  8000       rejected   knock 1 of one (1/1): opens 60500/udp for 1m
   0.0s  192.0.2.8  60500/udp  accepted   granted, for another 60s
   0.0s  192.0.2.8  60501/udp  rejected   protected, and the source has no grant
)"},
  });
}
