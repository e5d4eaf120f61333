// What was read from a file, before any of it becomes text of nftables.
#include "catch.hpp"
#include "program/program.hpp"
#include "ruleset/plain.hpp"
#include "ruleset/transaction.hpp"

using namespace knockwork;

namespace {

Ruleset with_rule(const std::string& rule) {
  Ruleset ruleset;
  ruleset.chains.push_back(
      {"gate", "type filter hook prerouting priority mangle; policy accept;", {}, {rule}});
  return ruleset;
}

Ruleset with_key(const std::string& key) {
  Ruleset ruleset;
  Set set;
  set.name = "dispatch";
  set.type = "inet_proto . inet_service : verdict";
  set.elements = {{key, "goto knock", ""}};
  ruleset.sets.push_back(set);
  return ruleset;
}

}  // namespace

TEST_CASE("plain: whatever is compiled is plain, in every mode and with every kind of rule") {
  const auto mode = GENERATE("gate", "stealth");
  const auto log = GENERATE("none", "all");
  const Spec spec =
      load({{Source::Kind::declaration, "knockwork.yml",
             std::string("knockwork: 1\nmode: ") + mode + "\nlog: " + log +
                 "\nalways_allow: [192.0.2.0/28, \"2001:db8::/64\"]\ninterfaces: [eth0]\n"
                 "sequences:\n"
                 "  - {name: a, knock: [7000, 8000/tcp], opens: [22/tcp, 5000-5010/udp], "
                 "from: [192.0.2.0/24], once: true}\n"
                 "  - {name: b, knock: [7001, 8001], opens: [80/tcp], to: [203.0.113.10], "
                 "on_expiry: cut, sequence_timeout: 9s}\n"
                 "  - {name: c, knock: [7002, 8002], opens: [81/tcp, 90-99/tcp], on_expiry: cut}\n"}});
  const Ruleset ruleset = compile(compile(spec));
  CHECK(is_plain(ruleset));
  for (Chain chain : ruleset.chains) {
    Ruleset one;
    one.chains = {std::move(chain)};
    INFO(one.chains.front().name);
    CHECK(is_plain(one));
  }
}

TEST_CASE("plain: nothing ends the object that it stands in") {
  CHECK(is_plain(with_rule("log prefix \"a; } # $\" accept")));
  for (const char* rule : {"accept; drop", "accept }", "accept # x", "accept\ndrop", "log prefix \"a",
                           "} { accept", "", "include 'x'", "$x accept", "accept \\"}) {
    INFO(rule);
    CHECK_FALSE(is_plain(with_rule(rule)));
  }
  CHECK(is_plain(with_key("17 . 7000")));
  for (const char* key : {"17 . 7000 }", "17 . 7000; add table inet evil", "17 . 7000 #"}) {
    INFO(key);
    CHECK_FALSE(is_plain(with_key(key)));
  }
}

TEST_CASE("plain: a key is read as what it is and written anew") {
  CHECK(parse_key("ipv4_addr . inet_proto . inet_service", "10.0.0.1 . 6 . 22") == "10.0.0.1 . 6 . 22");
  CHECK(parse_key("ipv6_addr", "2001:DB8:0::1") == "2001:db8::1");
  for (const auto& [type, text] : {std::pair{"ipv4_addr", "10.0.0.1/24"},
                                   {"ipv4_addr", "::1"},
                                   {"ipv4_addr", ""},
                                   {"ipv4_addr . inet_proto", "10.0.0.1"},
                                   {"ipv4_addr", "10.0.0.1 . 6"},
                                   {"inet_service", "65536"},
                                   {"inet_service", "-1"},
                                   {"inet_proto", "256"},
                                   {"mark", "0x1 }"},
                                   {"ifname", "eth0"},
                                   {"", "x"}}) {
    INFO(type << " " << text);
    CHECK_FALSE(parse_key(type, text));
  }
}
