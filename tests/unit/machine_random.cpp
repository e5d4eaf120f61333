// Large inputs at random: every feature at once, machine against naive machine.
#include <random>
#include <set>

#include "catch.hpp"
#include "machine_against_naive.hpp"

namespace {

using namespace knockwork;

constexpr int kDeclarations = 1500;
constexpr int kPackets = 60;

// A fixed generator with draws of our own: the standard distributions differ
// between libraries, and a failure must come back everywhere.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool one_in(std::size_t chances) { return below(chances) == 0; }
  template <typename Value>
  Value any(std::initializer_list<Value> values) {
    return values.begin()[below(values.size())];
  }

 private:
  std::mt19937 engine_;
};

Knock any_knock(Dice& dice) {
  return {dice.any({Protocol::udp, Protocol::tcp}), dice.any<std::uint16_t>({1, 7000, 7001, 7003, 65535})};
}

Duration any_duration(Dice& dice) { return Duration::milliseconds(dice.any({100, 300, 500, 1000, 2000})); }

Service any_service(Dice& dice) {
  return dice.any<Service>({{Protocol::tcp, 22, 22},
                            {Protocol::udp, 22, 22},
                            {Protocol::udp, 60000, 60010},
                            {Protocol::udp, 60005, 60020},
                            {Protocol::udp, 60007, 60007},
                            {Protocol::tcp, 7002, 7002}});
}

Sequence any_sequence(Dice& dice, const std::string& name) {
  Sequence sequence;
  sequence.name = name;
  for (std::size_t step = 0; step <= dice.below(4); ++step) sequence.knock.push_back(any_knock(dice));
  for (std::size_t at = 0; at <= dice.below(3); ++at) sequence.opens.push_back(any_service(dice));
  sequence.step_timeout = any_duration(dice);
  sequence.open_for = any_duration(dice);
  if (dice.one_in(3)) sequence.sequence_timeout = any_duration(dice);
  if (dice.one_in(4)) sequence.from = {*parse_network("192.0.2.8/31"), *parse_network("2001:db8:0:1::/64")};
  if (dice.one_in(4)) sequence.to = {*parse_network("203.0.113.0/28"), *parse_network("2001:db8:f::1")};
  if (dice.one_in(6)) sequence.to = {*parse_network("203.0.113.4")};
  sequence.once = dice.one_in(4);
  if (dice.one_in(4)) sequence.interfaces = {dice.any({"eth0", "eth1", "eth*", "!eth0", "!eth*"})};
  return sequence;
}

// Some share their port.
Sequence any_token_sequence(Dice& dice, const std::string& name) {
  Sequence sequence = any_sequence(dice, name);
  sequence.knock.clear();
  sequence.sequence_timeout.reset();
  sequence.token.emplace().port = {Protocol::udp, dice.any<std::uint16_t>({6999, 30000})};
  return sequence;
}

Spec any_spec(Dice& dice) {
  Spec spec;
  spec.mode = dice.any({Mode::gate, Mode::stealth});
  spec.refuse = dice.any({Refuse::automatic, Refuse::automatic, Refuse::drop, Refuse::reject});
  if (spec.mode == Mode::stealth)
    spec.public_services = {{Protocol::tcp, 80, 80}, {Protocol::udp, 7004, 7010}};
  if (dice.one_in(3)) spec.always_allow = {*parse_network("192.0.2.4/30"), *parse_network("2001:db8::/64")};
  spec.wrong_knock = dice.one_in(4) ? WrongKnock::ignore : WrongKnock::lockout;
  spec.lockout = any_duration(dice);
  spec.guards.kind = dice.any({Guards::Kind::automatic, Guards::Kind::automatic, Guards::Kind::none});
  spec.sources = dice.any({1u, 2u, 3u, 65536u, 65536u});
  spec.ipv6_prefix = dice.any({128, 128, 64, 48});
  for (const char* name : {"carol", "alice", "bob"}) {  // not in the order of their names
    if (!dice.one_in(4)) spec.sequences.push_back(any_sequence(dice, name));
  }
  for (const char* name : {"ann", "tim"}) {
    if (dice.one_in(3)) spec.sequences.push_back(any_token_sequence(dice, name));
  }
  if (spec.sequences.size() > 1 && dice.one_in(3)) {
    Sequence& closer = spec.sequences[1];
    closer.closes = spec.sequences[0].name;
    closer.opens.clear();
    closer.to.clear();
    closer.once = false;
  }
  if (dice.one_in(3)) {  // those that open the same service agree
    for (Sequence& sequence : spec.sequences) sequence.on_expiry = OnExpiry::cut;
  }
  if (dice.one_in(3)) {
    for (Sequence& sequence : spec.sequences) sequence.prolong = true;
  }
  return spec;
}

Packet any_packet(Dice& dice, Instant now) {
  Packet packet;
  packet.time = now;
  packet.source =
      *parse_network(dice.any({"192.0.2.7", "192.0.2.7", "192.0.2.8", "192.0.2.9", "2001:db8::7",
                               "2001:db8:0:1::7", "2001:db8:0:1::7", "2001:db8:0:1::8", "fe80::1"}));
  packet.interface = dice.any({"", "eth0", "eth0", "eth1", "wg0"});
  if (dice.one_in(30)) packet.ingress = dice.any({Ingress::loopback, Ingress::unlisted});
  packet.destination = dice.any({DestinationType::local, DestinationType::local, DestinationType::local,
                                 DestinationType::local, DestinationType::local, DestinationType::broadcast,
                                 DestinationType::multicast, DestinationType::anycast});
  if (dice.one_in(20)) packet.destination = DestinationType::routed;
  if (dice.one_in(4)) {
    packet.address = *parse_network(
        packet.source.ipv6 ? "2001:db8:f::1" : dice.any({"203.0.113.4", "203.0.113.9", "192.0.2.1"}));
  }
  packet.reply = dice.one_in(8);
  packet.ours = dice.one_in(8);
  packet.target = any_knock(dice);
  if (dice.one_in(4)) {
    packet.target = {dice.any({Protocol::udp, Protocol::tcp}),
                     dice.any<std::uint16_t>({2, 22, 80, 6999, 7002, 7004, 60003, 60007, 60015, 65534})};
  }
  if (dice.one_in(8)) packet.target = Knock{Protocol::udp, dice.any<std::uint16_t>({6999, 30000})};
  if (dice.one_in(30)) packet.target.reset();
  if (packet.target && packet.target->protocol == Protocol::udp && dice.one_in(3)) {
    packet.token = {dice.any({"ann", "tim"}), static_cast<std::uint32_t>(dice.below(20))};
  }
  packet.ping = !packet.target && dice.one_in(4);
  if (dice.one_in(6)) packet.flags = static_cast<std::uint8_t>(dice.below(64));
  if (dice.one_in(6)) {
    packet.conntrack =
        dice.any({Conntrack::untracked, Conntrack::established, Conntrack::related, Conntrack::invalid});
  }
  packet.needed_by_ipv6 = packet.source.ipv6 && dice.one_in(10);
  return packet;
}

// Many packets follow a sequence on purpose, and some use what it opens: by chance alone hardly any would.
void aim(Dice& dice, const Spec& spec, std::size_t turn, Packet& packet) {
  if (spec.sequences.empty() || dice.one_in(3)) return;
  const Sequence& sequence = spec.sequences[turn / 8 % spec.sequences.size()];
  if (dice.one_in(5) && !sequence.opens.empty()) {
    packet.target = Knock{sequence.opens.front().protocol, sequence.opens.front().first};
    packet.conntrack = Conntrack::established;
    packet.flags = dice.any({tcp_flag::ack, tcp_flag::ack, tcp_flag::syn});
    return;
  }
  if (sequence.token) {
    packet.target = sequence.token->port;
    packet.token = {sequence.name, static_cast<std::uint32_t>(turn / 2)};
    return;
  }
  packet.target = sequence.knock[turn % sequence.knock.size()];
}

std::vector<Packet> any_packets(Dice& dice, const Spec& spec) {
  std::vector<Packet> packets;
  Instant now{0};
  for (std::size_t at = 0; at < kPackets; ++at) {
    now += Instant(dice.any({0, 1, 50, 99, 100, 101, 299, 300, 500, 1500}) / (dice.one_in(2) ? 1 : 10));
    packets.push_back(any_packet(dice, now));
    aim(dice, spec, at, packets.back());
  }
  return packets;
}

}  // namespace

TEST_CASE("machine and naive machine agree on random declarations and packets", "[machine][random]") {
  for (std::uint32_t seed = 0; seed < kDeclarations; ++seed) {
    Dice dice(seed);
    const Spec spec = any_spec(dice);
    const Machine machine(compile(spec));
    INFO("seed " << seed);
    REQUIRE(naive::difference(spec, machine, any_packets(dice, spec)) == "");
  }
}

TEST_CASE("random packets reach every verdict, reason and lockout", "[machine][random]") {
  std::set<Verdict> verdicts;
  std::set<Reason> reasons;
  std::set<Lockout> lockouts;
  bool without_room = false, granted = false, renewed = false, closed = false;
  for (std::uint32_t seed = 0; seed < kDeclarations; ++seed) {
    Dice dice(seed);
    const Spec spec = any_spec(dice);
    const Machine machine(compile(spec));
    State state;
    for (const Packet& packet : any_packets(dice, spec)) {
      const Outcome outcome = machine.take(state, packet);
      verdicts.insert(outcome.verdict);
      reasons.insert(outcome.reason);
      lockouts.insert(outcome.locked);
      granted = granted || !outcome.granted.empty();
      renewed = renewed || !outcome.renewed.empty();
      closed = closed || !outcome.closed.empty();
      for (const Fired& fired : outcome.fired) without_room = without_room || !fired.noted;
    }
  }
  CHECK(verdicts.size() == 4);
  CHECK(reasons.size() == static_cast<std::size_t>(Reason::locked_out) + 1);
  CHECK(lockouts.size() == 3);
  CHECK(granted);
  CHECK(renewed);
  CHECK(closed);
  CHECK(without_room);
}

TEST_CASE("the same packets have the same outcomes and leave the same state", "[machine][random]") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    Dice dice(seed);
    const Spec spec = any_spec(dice);
    const Machine one(compile(spec)), other(compile(spec));
    State state_of_one, state_of_other;
    for (const Packet& packet : any_packets(dice, spec)) {
      REQUIRE(one.take(state_of_one, packet) == other.take(state_of_other, packet));
      REQUIRE(state_of_one == state_of_other);
    }
  }
}

TEST_CASE("sources never influence each other while there is room", "[machine][random]") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Dice dice(seed);
    Spec spec = any_spec(dice);
    spec.sources = 65536;
    std::erase_if(spec.sequences, [](const Sequence& sequence) { return sequence.token.has_value(); });
    for (Sequence& sequence : spec.sequences) sequence.once = false;  // whose use is everybody's
    const Machine machine(compile(spec));
    State shared, alone;
    const Network watched = *parse_network("192.0.2.7");
    for (const Packet& packet : any_packets(dice, spec)) {
      const Outcome outcome = machine.take(shared, packet);
      if (packet.source == watched) REQUIRE(machine.take(alone, packet) == outcome);
    }
  }
}
