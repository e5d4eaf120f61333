// What `trace` tells of tokens: whole outputs.
#include "catch.hpp"
#include "machine/machine.hpp"
#include "machine_cases.hpp"

using namespace rules;

namespace {

Spec alice(std::vector<Service> opens = {kSsh}) {
  Spec spec = spec_of({sequence("alice", {}, std::move(opens))});
  spec.sequences[0].token.emplace().port = udp(41873);
  return spec;
}

void from_the_office(Spec& spec) { spec.sequences[0].from = {*parse_network("198.51.100.0/24")}; }
void once(Spec& spec) { spec.sequences[0].once = true; }
void allowing(Spec& spec) { spec.always_allow = {*parse_network("192.0.2.0/24")}; }
void with_knocks(Spec& spec) { spec.sequences.push_back(sequence("ssh", {udp(41872), udp(41874)}, {kHttp})); }

constexpr const char* kAllKinds = R"(
0 192.0.2.7 41873
0 192.0.2.7 token=alice invalid
0 192.0.2.7 token=alice again broadcast
0 192.0.2.7 token=alice again unicast
0 192.0.2.7 token=alice again lo
0 192.0.2.7 token=alice again unlisted
0 192.0.2.7 token=alice again established
0 192.0.2.7 41872/udp token=alice:1
0 192.0.2.7 token=alice again related
0 192.0.2.7 41873/tcp
)";

}  // namespace

TEST_CASE("a token opens once", "[machine][trace]") {
  require_told({
      {"its replay opens nothing, wherever it comes from, and is not wrong", alice(), R"(
0 192.0.2.7 token=alice
0 192.0.2.7 22/tcp
1s 192.0.2.9 token=alice again
1s 192.0.2.9 22/tcp
1s 2001:db8::9 token=alice again
2h 192.0.2.9 token=alice:1
2h 192.0.2.9 token=alice
)",
       R"(
   0.0s  192.0.2.7    token=alice        rejected   token of alice: opens 22/tcp for 1m
   0.0s  192.0.2.7    22/tcp             accepted   granted, for another 60s
   1.0s  192.0.2.9    token=alice again  rejected   a token that was used before: opens nothing
   1.0s  192.0.2.9    22/tcp             rejected   protected, and the source has no grant
   1.0s  2001:db8::9  token=alice again  rejected   a token that was used before: opens nothing
7200.0s  192.0.2.9    token=alice:1      rejected   a token that was used before: opens nothing
7200.0s  192.0.2.9    token=alice        rejected   token of alice: opens 22/tcp for 1m
)"},
      {"a source that may not use it uses it up", with(alice(), from_the_office), R"(
0 192.0.2.7 token=alice
0 198.51.100.7 token=alice again
0 198.51.100.7 token=alice
)",
       R"(
   0.0s  192.0.2.7     token=alice        rejected   token of alice: used up, but opens nothing: the source is not in `from`
   0.0s  198.51.100.7  token=alice again  rejected   a token that was used before: opens nothing
   0.0s  198.51.100.7  token=alice        rejected   token of alice: opens 22/tcp for 1m
)"},
      {"a sequence of one use uses tokens up, too", with(alice(), once), R"(
0 192.0.2.7 token=alice
0 192.0.2.7 token=alice
0 192.0.2.9 token=alice
)",
       R"(
   0.0s  192.0.2.7  token=alice  rejected   token of alice: opens 22/tcp for 1m, and the sequence is spent
   0.0s  192.0.2.7  token=alice  rejected   token of alice: the sequence is spent, and its grant still lives: no effect
   0.0s  192.0.2.9  token=alice  rejected   token of alice: used up, but opens nothing: the sequence is spent
)"},
      {"without room nothing opens", with(alice(), room_for_one), R"(
0 192.0.2.7 token=alice
0 192.0.2.9 token=alice
0 192.0.2.9 token=alice again
)",
       R"(
   0.0s  192.0.2.7  token=alice        rejected   token of alice: opens 22/tcp for 1m
   0.0s  192.0.2.9  token=alice        rejected   token of alice: set full, not everything opens; send another token later
   0.0s  192.0.2.9  token=alice again  rejected   a token that was used before: opens nothing
)"},
      {"a lockout does not keep it out, and always_allow does not save it",
       with(with(alice(), with_knocks), allowing),
       R"(
0 198.51.100.7 41874/udp
0 198.51.100.7 token=alice
0 192.0.2.7 token=alice
0 198.51.100.7 token=alice again
)",
       R"(
   0.0s  198.51.100.7  41874/udp          rejected   wrong, a knock out of order: locked out for 2s
   0.0s  198.51.100.7  token=alice        rejected   token of alice: opens 22/tcp for 1m
   0.0s  192.0.2.7     token=alice        rejected   token of alice: opens 22/tcp for 1m
   0.0s  198.51.100.7  token=alice again  rejected   a token that was used before: opens nothing
)"},
  });
}

TEST_CASE("what counts as a token", "[machine][trace]") {
  require_told({
      {"in gate mode", alice(), kAllKinds, R"(
   0.0s  192.0.2.7  41873                          rejected   no token that the host accepts: opens nothing, and is not wrong
   0.0s  192.0.2.7  token=alice invalid            passed on  the token does not count: invalid for conntrack
   0.0s  192.0.2.7  token=alice again broadcast    passed on  the token does not count: the destination is not an address of this host only
   0.0s  192.0.2.7  token=alice again unicast      passed on  routed, not for this host
   0.0s  192.0.2.7  token=alice again lo           passed on  from this host itself
   0.0s  192.0.2.7  token=alice again unlisted     passed on  on an interface where nothing is protected
   0.0s  192.0.2.7  token=alice again established  accepted   part of an established connection, or related to one
   0.0s  192.0.2.7  41872/udp token=alice:1        passed on  not a port in the declaration
   0.0s  192.0.2.7  token=alice again related      rejected   token of alice: opens 22/tcp for 1m
   0.0s  192.0.2.7  41873/tcp                      passed on  not a port in the declaration
)"},
      {"in stealth mode", with(alice(), stealth), kAllKinds, R"(
   0.0s  192.0.2.7  41873                          dropped    no token that the host accepts: opens nothing, and is not wrong
   0.0s  192.0.2.7  token=alice invalid            dropped    the token does not count: invalid for conntrack
   0.0s  192.0.2.7  token=alice again broadcast    dropped    the token does not count: the destination is not an address of this host only
   0.0s  192.0.2.7  token=alice again unicast      passed on  routed, not for this host
   0.0s  192.0.2.7  token=alice again lo           passed on  from this host itself
   0.0s  192.0.2.7  token=alice again unlisted     passed on  on an interface where nothing is protected
   0.0s  192.0.2.7  token=alice again established  accepted   part of an established connection, or related to one
   0.0s  192.0.2.7  41872/udp token=alice:1        dropped    wrong, a port that is closed in stealth mode: locked out for 2s
   0.0s  192.0.2.7  token=alice again related      dropped    token of alice: opens 22/tcp for 1m
   0.0s  192.0.2.7  41873/tcp                      dropped    the source is locked out, knocks have no effect: locked out for 2s
)"},
  });
}

TEST_CASE("always_allow lets in what is broadcast to a port for tokens, and is no way round a token's use",
          "[machine][trace]") {
  const char* const script =
      "0 192.0.2.7 token=alice broadcast\n0 192.0.2.7 token=alice again invalid\n0 192.0.2.7 token=alice again\n";
  require_told({{"in stealth mode", with(with(alice(), stealth), allowing), script, R"(
   0.0s  192.0.2.7  token=alice broadcast      accepted   the source is in always_allow
   0.0s  192.0.2.7  token=alice again invalid  dropped    the token does not count: invalid for conntrack
   0.0s  192.0.2.7  token=alice again          dropped    token of alice: opens 22/tcp for 1m
)"}});
}

TEST_CASE("a token port has no automatic guards, and is none", "[machine][trace]") {
  const Spec spec = with(alice(), [](Spec& spec) {
    spec.sequences.push_back(sequence("ssh", {udp(41872), udp(30000)}, {kHttp}));
  });
  CHECK(trace(spec, "0 192.0.2.7 41874\n0 192.0.2.7 41873\n0 192.0.2.7 41872\n0 192.0.2.7 41871\n",
              "packets") ==
        R"(   0.0s  192.0.2.7  41874  passed on  not a port in the declaration
   0.0s  192.0.2.7  41873  rejected   no token that the host accepts: opens nothing, and is not wrong
   0.0s  192.0.2.7  41872  rejected   knock 1 of ssh (1/2): next within 1s
   0.0s  192.0.2.7  41871  passed on  wrong, a guard port: locked out for 2s
)");
}

TEST_CASE("where no more uses of tokens can be remembered, none opens anything", "[machine]") {
  const Machine machine(compile(alice()));
  State state;
  Packet packet;
  packet.source = *parse_network("192.0.2.7");
  packet.target = udp(41873);
  const auto send = [&](std::uint32_t number, int seconds) {
    packet.time = std::chrono::seconds(seconds);
    packet.token = {"alice", number};
    return machine.take(state, packet);
  };
  for (std::uint32_t number = 0; number < kMostUsedTokens; ++number) REQUIRE(send(number, 0).used_token);
  const Outcome full = send(kMostUsedTokens, 0);
  CHECK_FALSE(full.used_token);
  CHECK(full.granted.empty());
  CHECK_FALSE(send(kMostUsedTokens, 61).used_token);  // claims are forgotten, uses are not
  CHECK(send(kMostUsedTokens, 1801).used_token);
  CHECK_FALSE(send(0, 1802).used_token);  // it is remembered no more, and is not in the table
}

TEST_CASE("a trace as JSON says which packet used a token up", "[trace]") {
  const std::string told = trace_json(with(alice(), from_the_office),
                                      "0 192.0.2.7 token=alice\n0 192.0.2.7 token=alice again\n", "packets");
  const auto used = told.find("\"token_used\": true");
  CHECK(used != std::string::npos);
  CHECK(told.find("\"token_used\": true", used + 1) == std::string::npos);
  CHECK(told.find("\"token_used\": false", used) != std::string::npos);
}
