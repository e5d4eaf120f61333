// From declaration to program: edges, their numbers, guards and dump.
#include <algorithm>
#include <set>

#include "catch.hpp"
#include "program/edges.hpp"
#include "program/program.hpp"

namespace {

using namespace knockwork;

Knock udp(std::uint16_t port) { return {Protocol::udp, port}; }
Knock tcp(std::uint16_t port) { return {Protocol::tcp, port}; }

Sequence sequence(std::string name, std::vector<Knock> knock, std::vector<Service> opens) {
  Sequence made;
  made.name = std::move(name);
  made.knock = std::move(knock);
  made.opens = std::move(opens);
  return made;
}

const Service kSsh{Protocol::tcp, 22, 22};

Spec spec_of(std::vector<Sequence> sequences) {
  Spec spec;
  spec.lockout = Duration::milliseconds(5000);
  spec.sequences = std::move(sequences);
  return spec;
}

std::vector<EdgeId> ids(const Program& program, const std::string& name) {
  std::vector<EdgeId> found;
  for (const Track& track : program.tracks) {
    if (track.name != name) continue;
    for (const Edge& edge : track.edges) found.push_back(edge.id);
  }
  return found;
}

Sequence ssh() { return sequence("ssh", {udp(7000), udp(8000), tcp(9000)}, {kSsh}); }
Sequence admin() { return sequence("admin", {udp(7000), udp(7000)}, {kSsh, {Protocol::udp, 60000, 61000}}); }
Sequence zebra() { return sequence("zebra", {tcp(1)}, {kSsh}); }

}  // namespace

TEST_CASE("a program dumps all that it will do, its sequences by name", "[program]") {
  Spec spec = spec_of({ssh(), admin()});
  spec.always_allow = {*parse_network("192.0.2.0/28")};
  CHECK(dump(compile(spec)) ==
        R"(mode gate, refuse by reject, room for 65536 sources
wrong knock: lockout for 5s
sequence admin: step 5s, open for 30s
  edge 2973133182: 7000/udp
  edge 953858759: 7000/udp
  grants 22/tcp
  grants 60000-61000/udp
sequence ssh: step 5s, open for 30s
  edge 510647399: 7000/udp
  edge 4184856444: 8000/udp
  edge 3262664882: 9000/tcp
  grants 22/tcp
guard 8999/tcp
guard 9001/tcp
guard 6999/udp
guard 7001/udp
guard 7999/udp
guard 8001/udp
always allow 192.0.2.0/28
)");
}

TEST_CASE("a stealthy program dumps what is public", "[program]") {
  Spec spec = spec_of({});
  spec.mode = Mode::stealth;
  spec.wrong_knock = WrongKnock::ignore;
  spec.sources = 100;
  spec.public_services = {{Protocol::tcp, 443, 443}, {Protocol::tcp, 80, 80}, {Protocol::tcp, 443, 443}};
  CHECK(dump(compile(spec)) == R"(mode stealth, refuse by drop, room for 100 sources
wrong knock: ignored
public 80/tcp
public 443/tcp
)");
}

TEST_CASE("compiling twice gives the same program, whatever the order of the declaration", "[program]") {
  CHECK(compile(spec_of({ssh(), admin(), zebra()})) == compile(spec_of({ssh(), admin(), zebra()})));
  CHECK(compile(spec_of({zebra(), ssh(), admin()})) == compile(spec_of({ssh(), admin(), zebra()})));
}

TEST_CASE("adding and removing sequences renumbers nobody", "[program]") {
  const std::vector<EdgeId> alone = ids(compile(spec_of({ssh()})), "ssh");
  CHECK(alone.size() == 3);
  CHECK(ids(compile(spec_of({admin(), ssh()})), "ssh") == alone);
  CHECK(ids(compile(spec_of({ssh(), zebra()})), "ssh") == alone);
  CHECK(ids(compile(spec_of({admin(), ssh(), zebra()})), "ssh") == alone);
}

TEST_CASE("timeouts, times and services renumber no edge; name and knocks renumber all", "[program]") {
  const std::vector<EdgeId> before = ids(compile(spec_of({ssh()})), "ssh");
  Sequence slower = ssh();
  slower.step_timeout = Duration::milliseconds(9000);
  slower.open_for = Duration::milliseconds(9000);
  slower.opens = {{Protocol::tcp, 80, 80}};
  CHECK(ids(compile(spec_of({slower})), "ssh") == before);

  const auto shares_an_edge = [&](const Sequence& changed) {
    const std::vector<EdgeId> after = ids(compile(spec_of({changed})), changed.name);
    return std::find_first_of(before.begin(), before.end(), after.begin(), after.end()) != before.end();
  };
  Sequence renamed = ssh(), longer = ssh(), other_port = ssh(), other_protocol = ssh();
  renamed.name = "ssh2";
  longer.knock.push_back(udp(9001));
  other_port.knock[2].port = 9001;
  other_protocol.knock[2].protocol = Protocol::udp;
  CHECK_FALSE(shares_an_edge(renamed));
  CHECK_FALSE(shares_an_edge(longer));
  CHECK_FALSE(shares_an_edge(other_port));
  CHECK_FALSE(shares_an_edge(other_protocol));
}

TEST_CASE("no two edges have one number, and none has 0", "[program]") {
  std::vector<Sequence> many;
  for (int at = 0; at < 20000; ++at) {  // 100,000 numbers of 32 bits: one collision or so is expected
    many.push_back(
        sequence("s" + std::to_string(100000 + at), {udp(1), udp(2), udp(3), udp(4), udp(5)}, {kSsh}));
  }
  std::set<EdgeId> seen{0};
  std::size_t edges = 0;
  for (const std::vector<EdgeId>& numbers : number_edges(many)) {
    edges += numbers.size();
    seen.insert(numbers.begin(), numbers.end());
  }
  CHECK(edges == 100000);
  CHECK(seen.size() == edges + 1);
}

TEST_CASE("guards", "[program]") {
  struct Case {
    const char* what;
    Guards guards;
    std::vector<Sequence> sequences;
    std::vector<Service> public_services;
    std::vector<Knock> expected;
  };
  const Guards automatic, none{Guards::Kind::none, {}};
  const Guards listed{Guards::Kind::listed, {udp(5), udp(5), udp(22), tcp(22), udp(7000), tcp(80)}};
  const std::vector<Case> cases{
      {"both neighbours", automatic, {sequence("a", {udp(7000)}, {kSsh})}, {}, {udp(6999), udp(7001)}},
      {"none below 1", automatic, {sequence("a", {udp(1)}, {kSsh})}, {}, {udp(2)}},
      {"none above 65535", automatic, {sequence("a", {tcp(65535)}, {kSsh})}, {}, {tcp(65534)}},
      {"no knock port", automatic, {sequence("a", {udp(10), udp(11)}, {kSsh})}, {}, {udp(9), udp(12)}},
      {"no knock port of another sequence",
       automatic,
       {sequence("a", {udp(10)}, {kSsh}), sequence("b", {udp(12)}, {kSsh})},
       {},
       {udp(9), udp(11), udp(13)}},
      {"the other protocol is no neighbour",
       automatic,
       {sequence("a", {udp(10), tcp(11)}, {kSsh})},
       {},
       {tcp(10), tcp(12), udp(9), udp(11)}},
      {"no protected port", automatic, {sequence("a", {tcp(21)}, {kSsh})}, {}, {tcp(20)}},
      {"no port of a protected range",
       automatic,
       {sequence("a", {udp(59999)}, {{Protocol::udp, 60000, 65535}})},
       {},
       {udp(59998)}},
      {"no public port", automatic, {sequence("a", {tcp(81)}, {kSsh})}, {{Protocol::tcp, 80, 80}}, {tcp(82)}},
      {"none on request", none, {sequence("a", {udp(7000)}, {kSsh})}, {}, {}},
      {"listed ones, where they are free",
       listed,
       {sequence("a", {udp(7000)}, {kSsh})},
       {{Protocol::tcp, 80, 80}},
       {udp(5), udp(22)}},
      {"none without sequences", automatic, {}, {}, {}},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    Spec spec = spec_of(one.sequences);
    spec.guards = one.guards;
    spec.public_services = one.public_services;
    CHECK(compile(spec).guards == one.expected);
    spec.wrong_knock = WrongKnock::ignore;
    CHECK(compile(spec).guards.empty());  // nobody is locked out
  }
}

TEST_CASE("refuse follows the mode, or the declaration", "[program]") {
  struct Case {
    Mode mode;
    Refuse refuse;
    bool reject;
  };
  const std::vector<Case> cases{
      {Mode::gate, Refuse::automatic, true}, {Mode::gate, Refuse::drop, false},
      {Mode::gate, Refuse::reject, true},    {Mode::stealth, Refuse::automatic, false},
      {Mode::stealth, Refuse::drop, false},  {Mode::stealth, Refuse::reject, true}};
  for (const Case& one : cases) {
    Spec spec;
    spec.mode = one.mode;
    spec.refuse = one.refuse;
    CHECK(compile(spec).reject == one.reject);
  }
}

TEST_CASE("a network inside another adds nothing to always_allow", "[program]") {
  struct Case {
    std::vector<const char*> declared, kept;
  };
  const std::vector<Case> cases{
      {{"192.0.2.7", "192.0.2.0/28"}, {"192.0.2.0/28"}},
      {{"192.0.2.0/28", "192.0.2.0/28"}, {"192.0.2.0/28"}},
      {{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.255.0.0/16", "11.0.0.0/8"},
       {"10.0.0.0/8", "11.0.0.0/8"}},
      {{"192.0.2.16/28", "192.0.2.0/28"}, {"192.0.2.0/28", "192.0.2.16/28"}},
      {{"2001:db8::/32", "2001:db8:1::7", "10.0.0.1"}, {"10.0.0.1", "2001:db8::/32"}},
      {{"0.0.0.0/0", "198.51.100.1", "::1"}, {"0.0.0.0/0", "::1"}},
      {{"10.0.0.0/16", "10.0.0.0/8"}, {"10.0.0.0/8"}},
  };
  for (const Case& one : cases) {
    Spec spec;
    for (const char* network : one.declared) spec.always_allow.push_back(*parse_network(network));
    std::vector<std::string> kept;
    for (const Network& network : compile(spec).always_allow) kept.push_back(to_string(network));
    CHECK(kept == std::vector<std::string>(one.kept.begin(), one.kept.end()));
  }
}

TEST_CASE("public services that overlap become one", "[program]") {
  Spec spec;
  spec.public_services = {{Protocol::udp, 10, 20}, {Protocol::tcp, 15, 15}, {Protocol::tcp, 80, 90},
                          {Protocol::tcp, 10, 20}, {Protocol::tcp, 20, 30}, {Protocol::tcp, 31, 31}};
  CHECK(compile(spec).public_services == std::vector<Service>{{Protocol::tcp, 10, 30},
                                                              {Protocol::tcp, 31, 31},
                                                              {Protocol::tcp, 80, 90},
                                                              {Protocol::udp, 10, 20}});
}

TEST_CASE("services are sorted and named once", "[program]") {
  Sequence twice = sequence("a", {udp(7000)}, {{Protocol::udp, 53, 53}, kSsh, {Protocol::udp, 53, 53}});
  const Program program = compile(spec_of({twice, ssh()}));
  CHECK(program.tracks[0].services == std::vector<Service>{kSsh, {Protocol::udp, 53, 53}});
  CHECK(protected_services(program) == std::vector<Service>{kSsh, {Protocol::udp, 53, 53}});
}

TEST_CASE("a sequence without knocks is our own mistake", "[program]") {
  CHECK_THROWS_AS(compile(spec_of({sequence("a", {}, {kSsh})})), std::logic_error);
}

TEST_CASE("compile: what is public under conditions is sorted, told once, and no guard") {
  Spec spec;
  spec.mode = Mode::stealth;
  spec.ping = false;
  spec.ipv4_prefix = 24;
  spec.sequences = {sequence("ssh", {udp(7000)}, {kSsh})};
  PublicRule gre, near;
  gre.protocol = 47;
  near.service = Service{Protocol::udp, 7001, 7001};
  near.interface = "br-*";
  near.from = {*parse_network("192.0.2.0/24"), *parse_network("192.0.2.7")};
  spec.public_rules = {near, gre, near};
  const Program program = compile(spec);
  near.from.pop_back();
  CHECK(program.public_rules == std::vector<PublicRule>{gre, near});
  CHECK_FALSE(program.ping);
  CHECK(program.ipv4_prefix == 24);
  CHECK(program.guards == std::vector<Knock>{{Protocol::udp, 6999}});
}

TEST_CASE("compile: an interface that a wildcard covers is not named again") {
  Spec spec;
  spec.interfaces = {"eth0", "eth*", "e*", "wg0", "wg0*", "wg-x", "e*", "wg0.1"};
  CHECK(compile(spec).interfaces == std::vector<std::string>{"e*", "wg-x", "wg0*"});
  spec.interfaces = {"!wg0", "!wg*", "!eth0"};
  CHECK(compile(spec).interfaces.empty());
  CHECK(compile(spec).left_out == std::vector<std::string>{"eth0", "wg*"});
}

TEST_CASE("compile: no automatic guard is where hosts of a LAN send by themselves") {
  Spec spec = spec_of({sequence("ssh", {udp(5354), udp(1901), tcp(1901)}, {kSsh})});
  CHECK(compile(spec).guards == std::vector<Knock>{tcp(1900), tcp(1902), udp(1902)});
  spec.guards = {Guards::Kind::listed, {udp(5353)}};  // by hand: lint tells
  CHECK(compile(spec).guards == std::vector<Knock>{udp(5353)});
}
