// Declarations that are good: what each means, and that the normal form means the same.
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"

using namespace knockwork;

namespace {

Spec load_text(const std::string& text) { return load({{Source::Kind::declaration, "knockwork.yml", text}}); }

constexpr auto kSsh = "sequences: [{name: ssh, knock: [7000, 8000/tcp], opens: [22/tcp]}]\n";

template <typename Draw>
std::vector<PublicRule> random_rules(const Draw& draw) {
  std::vector<PublicRule> rules(3);
  rules[0].service = Service{Protocol::udp, 53, static_cast<std::uint16_t>(draw(53, 60))};
  rules[0].interface = draw(0, 1) ? "docker0" : "br-*";
  rules[0].from = {*parse_network("192.0.2.0/24"), *parse_network("2001:db8::/32")};
  rules[1].protocol = static_cast<std::uint8_t>(draw(134, 254));
  rules[2].protocol = draw(0, 1) ? kIcmp : kIcmpv6;
  rules[2].icmp_type = static_cast<std::uint8_t>(draw(129, 255));
  return rules;
}

template <typename Draw>
void derive_instead(Sequence& sequence, const Draw& draw) {
  sequence.knock.clear();
  Derivation& derivation = sequence.derive.emplace();
  derivation.secret_file = "/etc/knockwork/secret";
  if (draw(0, 1)) derivation.host = "web1";
  derivation.length = draw(1, 32);
  derivation.ports = {20000, static_cast<std::uint16_t>(draw(30000, 65535))};  // none is opened or public
  if (draw(0, 1)) derivation.protocols = {Protocol::tcp, Protocol::udp};
  if (draw(0, 1)) derivation.exclude = {{26000, 26063}, {28080, 28080}};
  const int by = draw(0, 2);  // else by the host's record
  if (by == 0) {
    derivation.period = Duration::milliseconds(draw(2, 1000000) * 100LL);
    if (draw(0, 1)) derivation.overlap = Duration::milliseconds(100);
  } else if (by == 1) {
    derivation.epoch = 41;
    derivation.accepts = {41, 42};
  }
}

// A declaration whatever the draw: all that load() takes, and nothing that it refuses.
Spec random_spec(std::mt19937& random) {
  const auto draw = [&](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  const auto protocol = [&] { return draw(0, 1) ? Protocol::tcp : Protocol::udp; };
  Spec spec;
  spec.mode = draw(0, 1) ? Mode::stealth : Mode::gate;
  spec.refuse = static_cast<Refuse>(draw(0, 2));
  spec.wrong_knock = static_cast<WrongKnock>(draw(0, 1));
  spec.sources = static_cast<std::uint32_t>(draw(16, 4194304));
  if (draw(0, 1)) spec.always_allow = {*parse_network("192.0.2.0/28"), *parse_network("2001:db8::/32")};
  if (spec.mode == Mode::stealth) {
    spec.public_services = {{Protocol::tcp, 80, 80}, {Protocol::udp, 100, 200}};
    spec.ping = draw(0, 1) == 1;
    if (draw(0, 1)) spec.public_rules = random_rules(draw);
  }
  spec.ipv4_prefix = draw(16, 32);
  if (draw(0, 2) == 0) spec.guards.kind = Guards::Kind::none;
  if (draw(0, 2) == 0 && spec.wrong_knock == WrongKnock::lockout) {
    spec.guards = {Guards::Kind::listed, {{Protocol::tcp, 7}, {Protocol::udp, 9}}};
  }
  for (int at = draw(0, 5); at > 0; --at) {
    Sequence& sequence = spec.sequences.emplace_back();
    sequence.name = std::to_string(at) + "-seq.@_";
    for (int step = draw(1, 32); step > 0; --step) {
      sequence.knock.push_back({protocol(), static_cast<std::uint16_t>(draw(20000, 65535))});
    }
    sequence.opens = {{Protocol::tcp, 22, 22},
                      {protocol(), 1000, static_cast<std::uint16_t>(draw(1000, 2000))}};
    sequence.step_timeout = Duration::milliseconds(draw(1, 1000000) * 100LL);
    sequence.open_for = Duration::milliseconds(draw(1, 1000000) * 100LL);
    if (draw(0, 1)) sequence.sequence_timeout = Duration::milliseconds(draw(1, 1000000) * 100LL);
    if (draw(0, 1)) sequence.from = {*parse_network("192.0.2.7"), *parse_network("2001:db8::/32")};
    sequence.once = draw(0, 1) == 1;
    sequence.prolong = spec.ipv4_prefix % 2 == 0;
    if (draw(0, 1)) derive_instead(sequence, draw);
    spec.lockout = std::max(spec.lockout, sequence.step_timeout);
  }
  if (spec.sequences.empty()) spec.lockout = Duration::milliseconds(5000);
  if (spec.wrong_knock == WrongKnock::lockout) {
    spec.lockout = Duration::milliseconds(spec.lockout.milliseconds() + draw(0, 3) * 100);
  }
  return spec;
}

}  // namespace

TEST_CASE("load: the least declaration has every default") {
  Spec expected;
  expected.lockout = Duration::milliseconds(5000);
  CHECK(load_text("knockwork: 1") == expected);
  CHECK(load_text("knockwork: 1\nsequences: []\n") == expected);
  CHECK(load_text("{knockwork: 1}") == expected);
  CHECK(load_text("---\n# all defaults\n\"knockwork\": \"1\"\n...\n") == expected);
  CHECK(load({}) == expected);
}

TEST_CASE("load: every default may be written out") {
  const char* defaults =
      "knockwork: 1\nmode: gate\npublic: []\nping: yes\nrefuse: auto\nalways_allow: []\nwrong_knock: "
      "lockout\nguards: "
      "auto\n"
      "interfaces: []\nipv4_prefix: 32\nipv6_prefix: 128\nsources: 65536\nlog: none\n"
      "sequences: [{name: ssh, knock: [7000, 8000/tcp], opens: [22/tcp], step_timeout: 5s, open_for: 30s, "
      "from: [], "
      "to: [], once: false, prolong: false, on_expiry: keep}]\n";
  CHECK(load_text(defaults) == load_text(std::string("knockwork: 1\n") + kSsh));
}

TEST_CASE("load: the values of a declaration") {
  const Spec spec = load_text(
      "knockwork: 1\nmode: stealth\npublic: [80/tcp, \"443/tcp\"]\nrefuse: drop\n"
      "always_allow: [192.0.2.0/28, \"2001:db8::/32\"]\nlockout: 2m\nguards: [7001, 7999/udp]\nsources: "
      "'1024'\n"
      "sequences:\n  - name: ssh\n    knock:\n      - 7000\n      - \"8000/tcp\"\n    opens: [22/tcp, "
      "60000-61000/udp]\n"
      "    step_timeout: \"1s\"\n    open_for: 1m\n");
  CHECK(spec.mode == Mode::stealth);
  CHECK(spec.public_services == std::vector<Service>{{Protocol::tcp, 80, 80}, {Protocol::tcp, 443, 443}});
  CHECK(spec.refuse == Refuse::drop);
  CHECK(spec.always_allow.size() == 2);
  CHECK(spec.lockout == Duration::milliseconds(120000));
  CHECK(spec.guards.kind == Guards::Kind::listed);
  CHECK(spec.guards.ports ==
        std::vector<Knock>{{Protocol::tcp, 7001}, {Protocol::udp, 7001}, {Protocol::udp, 7999}});
  CHECK(spec.sources == 1024);
  REQUIRE(spec.sequences.size() == 1);
  const Sequence& ssh = spec.sequences.front();
  CHECK(ssh.name == "ssh");
  CHECK(ssh.knock == std::vector<Knock>{{Protocol::udp, 7000}, {Protocol::tcp, 8000}});
  CHECK(ssh.opens == std::vector<Service>{{Protocol::tcp, 22, 22}, {Protocol::udp, 60000, 61000}});
  CHECK(ssh.step_timeout == Duration::milliseconds(1000));
  CHECK(ssh.open_for == Duration::milliseconds(60000));
}

TEST_CASE("load: what is public beside ports for everyone") {
  const auto rules = [](const std::string& entries) {
    return load_text("knockwork: 1\nmode: stealth\npublic: [" + entries + "]\n").public_rules;
  };
  PublicRule dns;
  dns.service = Service{Protocol::udp, 53, 53};
  dns.interface = "docker0";
  dns.from = {*parse_network("172.17.0.0/16"), *parse_network("172.18.0.0/16")};
  CHECK(rules("{service: 53/udp, from: [172.18.0.0/16, 172.17.0.0/16], interface: docker0}") ==
        std::vector<PublicRule>{dns});
  const auto protocol = [](std::uint8_t number, std::optional<std::uint8_t> type = std::nullopt) {
    PublicRule rule;
    rule.protocol = number;
    rule.icmp_type = type;
    return rule;
  };
  CHECK(rules("icmp, icmpv6/echo-request, icmpv6/255") ==
        std::vector<PublicRule>{protocol(1), protocol(58, 128), protocol(58, 255)});
  CHECK(rules("gre, esp, ah, sctp, ospf, vrrp, igmp, ipv6-icmp, proto/200") ==
        std::vector<PublicRule>{protocol(47), protocol(50), protocol(51), protocol(132), protocol(89),
                                protocol(112), protocol(2), protocol(58), protocol(200)});
  CHECK(rules("proto/47") == rules("gre"));
  CHECK(rules("icmp/8") == rules("icmp/echo-request"));
  CHECK(to_string(rules("proto/58").front()) == "icmpv6");
  CHECK(to_string(rules("icmpv6/130").front()) == "icmpv6/mld-listener-query");
  // A mapping without conditions is the service alone.
  CHECK(load_text("knockwork: 1\nmode: stealth\npublic: [{service: 80/tcp}]\n") ==
        load_text("knockwork: 1\nmode: stealth\npublic: [80/tcp]\n"));
  // One service, open in two ways.
  CHECK(rules("{service: 53/udp, interface: docker0}, {service: 53/udp, from: [192.0.2.1]}").size() == 2);
}

TEST_CASE("load: ping, prefixes and wildcards") {
  CHECK(load_text("knockwork: 1\nmode: stealth\n").ping);
  CHECK_FALSE(load_text("knockwork: 1\nmode: stealth\nping: no\n").ping);
  CHECK(load_text("knockwork: 1\nipv4_prefix: 24\n").ipv4_prefix == 24);
  CHECK(load_text("knockwork: 1\ninterfaces: [\"!wg0\", '!docker*']\n").interfaces ==
        std::vector<std::string>{"!wg0", "!docker*"});
  CHECK(load_text("knockwork: 1\ninterfaces: [eth*, wg0]\n").interfaces ==
        std::vector<std::string>{"eth*", "wg0"});
}

TEST_CASE("load: a lockout is the longest step_timeout unless it is declared") {
  const char* two =
      "sequences:\n  - {name: a, knock: [7000], opens: [22/tcp], step_timeout: 7s}\n"
      "  - {name: b, knock: [7100], opens: [22/tcp], step_timeout: 2s}\n";
  CHECK(load_text(std::string("knockwork: 1\n") + two).lockout == Duration::milliseconds(7000));
  CHECK(load_text(std::string("knockwork: 1\nlockout: 7s\n") + two).lockout == Duration::milliseconds(7000));
  CHECK(load_text(std::string("knockwork: 1\nlockout: 1h\n") + two).lockout ==
        Duration::milliseconds(3600000));
  CHECK(load_text(std::string("knockwork: 1\nwrong_knock: ignore\n") + two).lockout ==
        Duration::milliseconds(7000));
}

TEST_CASE("load: drop-ins follow the main file in the order they are handed in") {
  const Spec spec =
      load({{Source::Kind::declaration, "knockwork.yml", std::string("knockwork: 1\n") + kSsh},
            {Source::Kind::drop_in, "conf.d/b.yml", "- {name: b, knock: [7100], opens: [80/tcp]}\n"},
            {Source::Kind::drop_in, "conf.d/a.yml", "- {name: a, knock: [7200], opens: [81/tcp]}\n"},
            {Source::Kind::drop_in, "conf.d/none.yml", "[]\n"}});
  REQUIRE(spec.sequences.size() == 3);
  CHECK(spec.sequences[0].name == "ssh");
  CHECK(spec.sequences[1].name == "b");
  CHECK(spec.sequences[2].name == "a");
  CHECK(load({{Source::Kind::drop_in, "a.yml", "- {name: a, knock: [7200], opens: [81/tcp]}\n"}})
            .sequences.size() == 1);
}

TEST_CASE("load: a byte order mark, carriage returns and JSON make no difference") {
  const Spec spec = load_text(std::string("knockwork: 1\n") + kSsh);
  CHECK(load_text(std::string("\xef\xbb\xbfknockwork: 1\n") + kSsh) == spec);
  CHECK(load_text("knockwork: 1\r\nsequences:\r\n  - name: ssh\r\n    knock: [7000, 8000/tcp]\r\n"
                  "    opens: [22/tcp]\r\n") == spec);
  CHECK(load_text(
            R"({"knockwork":1,"sequences":[{"name":"ssh","knock":[7000,"8000/tcp"],"opens":["22/tcp"]}]})") ==
        spec);
}

TEST_CASE("load: sequences may share ports, begin alike and be the same but for their names") {
  CHECK_NOTHROW(
      load_text("knockwork: 1\nsequences:\n  - {name: a, knock: [7000, 8000], opens: [22/tcp]}\n"
                "  - {name: b, knock: [7000, 8000], opens: [22/tcp]}\n"
                "  - {name: c, knock: [7000, 7000], opens: [22/udp, 20-23/tcp]}\n"));
  // A port opened for one protocol may be a knock of the other.
  CHECK_NOTHROW(load_text("knockwork: 1\nsequences: [{name: a, knock: [22/udp], opens: [22/tcp]}]\n"));
}

TEST_CASE("load: a declaration in its normal form means the same") {
  std::mt19937 random(20240607);
  for (int round = 0; round < 500; ++round) {
    const Spec spec = random_spec(random);
    const std::string yaml = to_yaml(spec);
    INFO(yaml);
    const Spec again = load_text(yaml);
    CHECK(again == spec);
    CHECK(to_yaml(again) == yaml);
  }
}

TEST_CASE("load: a token has no steps that a lockout must outlast") {
  const std::string token = "  - {name: alice, token: {port: 41873, secret_file: /s}, opens: [22/tcp]}\n";
  const std::string knock = "  - {name: ssh, knock: [7000, 8000], opens: [22/tcp], step_timeout: 1s}\n";
  CHECK(load_text("knockwork: 1\nsequences:\n" + token + knock).lockout == Duration::milliseconds(1000));
  CHECK(load_text("knockwork: 1\nlockout: 1s\nsequences:\n" + token + knock).lockout ==
        Duration::milliseconds(1000));
  CHECK(load_text("knockwork: 1\nsequences:\n" + token).lockout == Sequence{}.step_timeout);
}

TEST_CASE(
    "load: the fuzzer's seeds are valid, and have tokens or derive by clock, by epochs and by the host's record") {
  int by_clock = 0, by_epoch = 0, by_record = 0, by_token = 0;
  for (const auto& entry : std::filesystem::directory_iterator(KNOCKWORK_SEEDS)) {
    if (entry.path().extension() != ".yml") continue;
    INFO(entry.path());
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const Spec spec = load_text(text.str());
    CHECK(load_text(to_yaml(spec)) == spec);
    for (const Sequence& sequence : spec.sequences) {
      REQUIRE((sequence.derive || sequence.token));
      ++(sequence.token                 ? by_token
         : sequence.derive->by_record() ? by_record
         : sequence.derive->epoch       ? by_epoch
                                        : by_clock);
    }
  }
  CHECK((by_clock > 0 && by_epoch > 0 && by_record > 0 && by_token > 0));
}

TEST_CASE(
    "load: a number among options that YAML may have read as octal is refused, and in quotes it is meant") {
  const auto faults = [](const std::string& name, const std::string& knock) {
    try {
      load({{Source::Kind::declaration, "/etc/knockwork/knockwork.yml", "knockwork: 1\n"},
            {Source::Kind::drop_in, name, "- {name: ssh, opens: [\"22/tcp\"], knock: [" + knock + "]}\n"}});
    } catch (const InvalidDeclaration& invalid) {
      return invalid.diagnostics();
    }
    return Diagnostics();
  };
  const Diagnostics told = faults("options", "3584, 8000, 1536");  // [07000, 8000, 03000]
  REQUIRE(told.size() == 2);
  CHECK(told[0].path == "[0].knock[0]");
  CHECK(told[0].message == "a number that YAML may have read as octal because of a leading zero");
  CHECK(told[0].remedy == "write it without the zero; if the number is right, put it in quotes");
  CHECK(told[0].exact == "write 7000; if 3584 is right, put it in quotes");
  CHECK(told[1].exact == "write 3000; if 1536 is right, put it in quotes");
  CHECK(faults("options", R"("3584", "8000", 3584/tcp)").empty());
  CHECK(faults("options", "7000, 8000, 9000, 7001, 3648, 64000").empty());
  CHECK(faults("ssh.yml", "3584, 8000, 9000").empty());  // a file is read by its text, where 07000 is refused
}

TEST_CASE("load: what() names every fault and holds no source line") {
  try {
    load_text("knockwork: 1\nsequences: [{name: ssh, knock: [70001], opens: [22]}]\n");
    FAIL("loaded");
  } catch (const InvalidDeclaration& error) {
    REQUIRE(error.diagnostics().size() == 2);
    const Diagnostic& first = error.diagnostics().front();
    CHECK(first.path == "sequences[0].knock[0]");
    CHECK(first.line == 2);
    CHECK(first.column == 33);
    CHECK(first.width == 5);
    CHECK(error.diagnostics().back().path == "sequences[0].opens[0]");
    CHECK(std::string(error.what()).find("70001") == std::string::npos);
    CHECK(std::string(error.what()) ==
          "knockwork.yml:2:33: error: port out of range\n  help: a port is a number from 1 to 65535\n"
          "knockwork.yml:2:49: error: no protocol\n"
          "  help: write the port, a slash and tcp or udp, as in 22/tcp");
  }
}
