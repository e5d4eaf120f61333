// Port knocking with sets of nftables → declaration and what became of each line.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "catch.hpp"
#include "knockwork/import.hpp"

using namespace knockwork;

namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::filesystem::path(KNOCKWORK_IMPORTS) / name);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Imported import(const std::string& text) { return import_nft({"k.nft", text}); }

std::string sequences(const Imported& made) {
  const std::size_t at = made.declaration.find("knockwork: 1\n");
  return at == std::string::npos ? "" : made.declaration.substr(at + 13);
}

std::string told(const Imported& made) {
  const std::string text = to_text(made, SourceLines::hidden);
  const std::size_t end = text.find("note: ");
  return text.substr(0, end);
}

std::string reason_of(const Imported& imported, int line) {
  const ImportedLine& each = imported.lines.at(static_cast<std::size_t>(line - 1));
  return to_string(each.fate) + ": " + each.reason;
}

// Two knocks in a chain, and what else is said.
std::string doors(const std::string& chain, const std::string& sets = "") {
  return "table inet t {\nset a { type ipv4_addr; flags timeout; timeout 2s; }\n"
         "set b { type ipv4_addr; flags timeout; timeout 40s; }\n" +
         sets + "chain c { type filter hook input priority 0; policy accept;\n" + chain + "\n}\n}\n";
}

constexpr const char* kWay =
    "udp dport 7000 add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\n"
    "ip saddr @b tcp dport 22 accept";
constexpr const char* kMade =
    "sequences:\n  - name: b  # line 5\n    knock: [7000/udp, 8000/udp]\n    opens: [22/tcp]\n"
    "    step_timeout: 2s\n    open_for: 40s\n";

}  // namespace

TEST_CASE("import: the nftables wiki's example") {
  const Imported made = import(file("nft/wiki.nft"));
  CHECK(sequences(made) ==
        "sequences:\n  - name: clients_ipv4  # line 26\n    knock: [10001/tcp, 10002/tcp, 10003/tcp]\n"
        "    opens: [22/tcp]\n    step_timeout: 1s\n    open_for: 10s\n");
  CHECK(told(made) ==
        "k.nft:24: not needed: knockwork always lets in what is established or local\n"
        "k.nft:30-31: changed: it logs: see `log: grants` and `knockwork watch`\n"
        "k.nft:35: not needed: knockwork always lets in what is established or local\n"
        "k.nft:37: not needed: knockwork refuses what is not open\n");
}

TEST_CASE("import: nft's commands, one by one") {
  const Imported made = import(file("nft/commands.nft"));
  CHECK(
      sequences(made) ==
      "mode: stealth\npublic: [80/tcp, 443/tcp]\nsequences:\n  - name: inside  # line 14\n"
      "    knock: [7000/udp, 8000/tcp, 9000/udp]\n    opens: [22/tcp, 6000-6010/tcp]\n    step_timeout: 3s\n"
      "    open_for: 1m30s\n");
  CHECK(reason_of(made, 10) ==
        "lost: not understood; stealth mode lets in only what is in `public`, so add what is missing there");
  CHECK(reason_of(made, 12) == "translated: ");  // the second line of a rule
  CHECK(reason_of(made, 16) == "changed: its steps have different timeouts; `step_timeout` is the longest");
}

TEST_CASE("import: two doors of sets, and what has no part in them") {
  const Imported made = import(file("nft/two_doors.nft"));
  CHECK(sequences(made) ==
        "sequences:\n  - name: a2  # line 15\n    knock: [1000/udp, 2000/udp]\n    opens: [22/tcp]\n"
        "  - name: b3  # line 16\n    knock: [1000/udp, 4000/tcp, 5000/udp]\n    opens: [51820/udp]\n"
        "    step_timeout: 9s\n"
        "  - name: b3-2  # line 17\n    knock: [3000/udp, 4000/tcp, 5000/udp]\n    opens: [51820/udp]\n"
        "    step_timeout: 9s\n");
  CHECK(reason_of(made, 2) == "lost: elements in the file are not carried over");
  CHECK(reason_of(made, 26) == "lost: no rule that is understood leads packets to its chain");
}

TEST_CASE("import: ways through sets") {
  struct Case {
    std::string chain;
    const char* made;
  };
  for (
      const Case& one : {
          Case{kWay, kMade},
          Case{
              "udp dport 7000 ip saddr != @a add @a { ip saddr }\nudp dport 8000 ip saddr @a update @b { ip saddr "
              "timeout 40s }\ntcp dport 22 ip saddr @b ct state new counter packets 0 bytes 0 accept",
              kMade},
          Case{
              "meta l4proto udp th dport 7000 add @a { ip saddr }\nip saddr != @a return\nudp dport { 8000 } add @b { "
              "ip saddr }\nip protocol tcp tcp dport ssh ip saddr @b log prefix \"in \" accept",
              kMade},
          // What a declaration cannot say is refused.
          Case{"udp dport 7000 add @b { ip saddr }\nip saddr @b tcp dport 22 accept", ""},
          Case{
              "udp dport 7000 add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\nip saddr @b accept",
              ""},
          Case{
              "udp dport 7000-7001 add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\nip saddr @b "
              "tcp dport 22 accept",
              ""},
          Case{
              "add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\nip saddr @b tcp dport 22 accept",
              ""},
          // What is not understood makes no way.
          Case{
              "ip ttl 64 udp dport 7000 add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\nip saddr "
              "@b tcp dport 22 accept",
              ""},
          Case{
              "udp dport 7000 add @a { ip daddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\nip saddr @b tcp "
              "dport 22 accept",
              ""},
          Case{
              "udp dport 7000 ip saddr @b add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\nip "
              "saddr @b tcp dport 22 accept",
              ""},
          Case{"jump c\ngoto c", ""},
      }) {
    INFO(one.chain);
    CHECK(sequences(import(doors(one.chain))) == one.made);
  }
}

TEST_CASE("import: a way through sets is refused at its line") {
  const Imported single =
      import(doors("udp dport 7000 add @b { ip saddr }\nip saddr @b tcp dport 22 accept"));
  CHECK(
      reason_of(single, 5) ==
      "lost: one knock is no secret, because every port scan sends it: choose a sequence of at least three");
  CHECK(reason_of(single, 6) == "lost: not translated because of line 5");
  const Imported all = import(doors(
      "udp dport 7000 add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\nip saddr @b accept"));
  CHECK(reason_of(all, 7) ==
        "lost: it opens every port to the source: list the services that you need in `opens`");
  const Imported two = import(doors(
      "udp dport 7000 add @a { ip saddr }\nudp dport 7100 add @x { ip saddr }\nip saddr @x ip saddr @a udp dport 8000 "
      "add @b { ip saddr }\nip saddr @b tcp dport 22 accept",
      "set x { type ipv4_addr; flags timeout; }\n"));
  CHECK(two.sequences.empty());
  CHECK(reason_of(two, 8) == "lost: it matches a set that no earlier knock fills");
  // Whom somebody else has let in, and who has knocked: neither is enough.
  const std::string knocks =
      "udp dport 7000 add @a { ip saddr }\nip saddr @a udp dport 8000 add @b { ip saddr }\n";
  for (const char* opening :
       {"ip saddr @admins ip saddr @b tcp dport 22 accept",
        "ip saddr @admins jump inner\n}\nchain inner {\nip saddr @b tcp dport 22 accept"}) {
    const Imported both = import(doors(knocks + opening, "set admins { type ipv4_addr; }\n"));
    CHECK(both.sequences.empty());
  }
  const Imported middle = import(doors(
      "udp dport 7000 add @a { ip saddr }\nip saddr @admins ip saddr @a udp dport 8000 add @c { ip saddr }\n"
      "ip saddr @c udp dport 9000 add @b { ip saddr }\nip saddr @b tcp dport 22 accept",
      "set admins { type ipv4_addr; }\nset c { type ipv4_addr; flags timeout; }\n"));
  CHECK(middle.sequences.empty());
}

TEST_CASE("import: what comes after a rule that is not understood") {
  const Imported made = import(doors("ip ttl 64 ip saddr != @x return\n" + std::string(kWay)));
  CHECK(reason_of(made, 5) ==
        "lost: it has no part in knocking, or is not understood: keep it in a ruleset of your own");
  for (const int line : {6, 7, 8}) {
    CHECK(reason_of(made, line) ==
          "lost: an earlier rule, at line 5, is not understood and may keep packets from it");
  }
}

// A filter that drops what it does not accept, with two knocks; lines of `chain` begin with line 9.
std::string filter(const std::string& chain, const std::string& more = "") {
  return "table inet t {\nset a { type ipv4_addr; flags timeout; timeout 2s; }\n"
         "set b { type ipv4_addr; flags timeout; timeout 40s; }\n"
         "chain c { type filter hook input priority 0; policy drop;\n" +
         std::string(kWay) + "\n" +
         "ct state vmap { established : accept, related : accept, invalid : drop }\n" + chain + "\n}\n" +
         more + "\n}\n";
}

std::string publics(const Imported& made) {
  const std::size_t at = made.declaration.find("public: ");
  if (at == std::string::npos) return "";
  return made.declaration.substr(at + 8, made.declaration.find('\n', at) - at - 8);
}

TEST_CASE("import: a port is public where no rule can refuse it") {
  struct Case {
    std::string chain, made, more;
  };
  const std::string ipv4 = "[{service: 80/tcp, from: [\"0.0.0.0/0\"]}]";
  const std::string ipv6 = "[{service: 80/tcp, from: [\"::/0\"]}]";
  const std::string accept = "tcp dport 80 accept";
  for (
      const Case& one : {
          Case{accept, "[80/tcp]", ""},
          Case{"tcp dport { 80, 443 } accept\nudp dport 53 accept\ntcp dport 80-81 accept",
               "[80-81/tcp, 443/tcp, 53/udp]", ""},
          Case{"icmp type echo-request limit rate 9/second drop\n" + accept, "[80/tcp]", ""},
          Case{"ip saddr 192.0.2.0/24 accept\niifname \"eth1\" accept\n" + accept, "[80/tcp]", ""},
          Case{"ct state invalid drop\niif != lo tcp dport 81 drop\n" + accept, "[80/tcp]", ""},
          Case{"tcp flags & (fin|syn|rst|ack) == syn " + accept, "[80/tcp]", ""},
          Case{"meta l4proto tcp th " + accept.substr(4), "[80/tcp]", ""},
          // The order of rules, and what is not known of them.
          Case{"tcp dport 80 drop\n" + accept, "", ""},
          Case{"tcp dport { 80, 81 } reject\ntcp dport 80-83 accept", "[82-83/tcp]", ""},
          Case{accept + "\ntcp dport 80 drop", "[80/tcp]", ""},
          Case{"ip saddr @bad drop\n" + accept, ipv6, ""},
          Case{"ip6 saddr @bad drop\n" + accept, ipv4, ""},
          Case{"ip saddr != @bad return\n" + accept, "", ""},
          Case{"ip saddr 192.0.2.0/24 drop\n" + accept, ipv6, ""},
          Case{"return\n" + accept, "", ""},
          Case{"iifname \"eth1\" drop\n" + accept, "", ""},
          Case{"iifname != { lo, eth1 } drop\n" + accept, "", ""},
          Case{"ct state new limit rate over 9/second drop\n" + accept, "", ""},
          Case{"ct state new drop\n" + accept, "", ""},
          Case{"ct state != established drop\n" + accept, "", ""},
          Case{"ct state vmap { new : drop }\n" + accept, "", ""},
          Case{"ct count over 3 reject\n" + accept, "", ""},
          Case{"tcp dport != 22 drop\n" + accept, "", ""},
          Case{"tcp dport vmap { 80 : drop }\n" + accept, "", ""},
          Case{"tcp dport @closed drop\n" + accept, "", ""},
          Case{"tcp dport { 22, 80 } ip saddr vmap @who\n" + accept, ipv6, ""},
          Case{"ip daddr 192.0.2.7 queue\n" + accept, ipv6, ""},
          Case{"tcp dport 80 redirect to :8080\n" + accept, "", ""},
          Case{"frobnicate drop\n" + accept, "", ""},
          // Other chains.
          Case{"jump deny\n" + accept, "", "chain deny { tcp dport 80 drop; }"},
          Case{"goto deny\n" + accept, "", "chain deny { tcp dport 81 drop; }"},
          Case{"jump deny\n" + accept, "[80/tcp]", "chain deny { tcp dport 81 drop; }"},
          Case{"jump deny\n" + accept, "[80/tcp]", "chain deny { tcp dport 80 return; drop; }"},
          Case{"iifname \"eth1\" jump deny\n" + accept, "", "chain deny { drop; }"},
          Case{"tcp dport 80 jump deny\n" + accept, ipv6, "chain deny { ip ttl 64 drop; }"},
          Case{"jump nowhere\n" + accept, "", ""},
          Case{"iifname \"lo\" iif != lo goto in\n", "", "chain in { tcp dport 80 accept; }"},
          Case{"tcp dport 81 jump in\n", "", "chain in { tcp dport 80 accept; }"},
          Case{"tcp dport 80 jump in\n", "[80/tcp]",
               "chain in { accept; }\nchain x { tcp dport 80 accept; }"},
          Case{"ip saddr @bad jump in\n", "", "chain in { tcp dport 80 accept; }"},
          Case{accept, "", "chain d { type filter hook input priority -10; tcp dport 80 drop; }"},
          Case{accept, "", "chain d { type filter hook prerouting priority 9; policy drop; }"},
          Case{accept, "", "chain d { type nat hook prerouting priority 9; tcp dport 80 redirect to :22; }"},
          Case{accept, "[80/tcp]", "chain d { type filter hook output priority 0; policy drop; }"},
          Case{
              accept, ipv6,
              "}\ntable ip u { chain d { type filter hook input priority 9; policy drop; tcp dport 22 accept; }"},
          Case{accept, ipv4, "}\ntable ip6 u { chain d { type filter hook input priority 9; drop; }"},
          Case{accept, "",
               "}\ntable netdev u { chain d { type filter hook ingress device e priority 9; drop; }"},
          // Conditions of the rule itself.
          Case{"meta nfproto ipv4 " + accept, ipv4, ""},
          Case{"meta nfproto ipv6 " + accept, ipv6, ""},
          Case{"meta nfproto ipv4 " + accept + "\nmeta nfproto ipv6 " + accept, "[80/tcp]", ""},
          Case{"limit rate 9/second " + accept, "", ""},
          Case{"iifname \"eth1\" " + accept, "", ""},
          Case{"ip saddr @friends " + accept, "", ""},
          Case{"ip saddr 192.0.2.1 " + accept, "", ""},
          Case{"tcp flags ack " + accept, "", ""},
          Case{"ct state established " + accept, "", ""},
          Case{"tcp dport 81 " + accept, "", ""},
          Case{"meta l4proto udp " + accept, "", ""},
          // Rules that are not in the file, or elsewhere than they stand.
          Case{accept, "", "}\ninclude \"more.nft\"\ntable inet u {"},
          Case{accept, "", "}\ninsert rule inet t c tcp dport 80 drop\ntable inet u {"},
          Case{accept, "", "}\nadd rule inet t c position 3 tcp dport 80 drop\ntable inet u {"},
          Case{accept, "", "}\nflush chain inet t c\ntable inet u {"},
          Case{accept, "", "}\ndelete rule inet t c handle 7\ntable inet u {"},
          Case{accept, "[80/tcp]", "}\nflush table inet u\ntable inet u {"},
          Case{accept, "",
               "}\nadd chain netdev u d { type filter hook ingress device e priority 9; }\n"
               "add rule netdev u d drop\ntable inet u {"},
      }) {
    INFO(one.chain << "\n" << one.more);
    const Imported made = import(filter(one.chain, one.more));
    CHECK(publics(made) == one.made);
  }
}

TEST_CASE("import: the report on rules that accept and refuse") {
  const Imported made = import(
      filter("meta nfproto ipv4 tcp dport 9200 accept\ntcp dport { 9100, 9101 } reject\nip saddr @bad drop\n"
             "tcp dport { 9100-9110 } accept\ntcp dport 22 accept\niifname \"eth1\" tcp dport 9300 accept\n"
             "jump deny\nip6 saddr @bad drop\ntcp dport 9400 accept\nip daddr 192.0.2.1 drop",
             "chain deny { tcp dport 9400 drop; }"));
  CHECK(publics(made) ==
        "[{service: 9200/tcp, from: [\"0.0.0.0/0\"]}, {service: 9102-9110/tcp, from: [\"::/0\"]}]");
  const std::string lost =
      "lost: it refuses some packets, which the declaration lets in: keep it in a ruleset of your own";
  CHECK(reason_of(made, 9) ==
        "changed: only one address family is public (`from`), because line 16 may refuse the other");
  CHECK(reason_of(made, 10) == "unneeded: knockwork refuses what is not open");
  CHECK(reason_of(made, 11) == lost);
  CHECK(
      reason_of(made, 12) ==
      "changed: only one address family is public (`from`), because line 11 may refuse the other; what line 10 may "
      "refuse is not `public`: add the ports that you need");
  CHECK(reason_of(made, 13) == "changed: a sequence opens some of these ports, so they are not `public`");
  CHECK(reason_of(made, 14) ==
        "lost: it accepts only some packets: add the ports that you need to `public`, with its conditions");
  CHECK(reason_of(made, 16) == lost);
  CHECK(reason_of(made, 17) == "lost: what line 11 may refuse is not `public`: add the ports that you need");
  CHECK(
      reason_of(made, 18) ==
      "lost: not understood, and it may refuse what the declaration lets in: keep it in a ruleset of your own");
  const Imported gate = import(doors(std::string(kWay) + "\ntcp dport 22 drop\ntcp dport 23 drop"));
  CHECK(reason_of(gate, 8) == "unneeded: knockwork refuses what is not open");
  CHECK(reason_of(gate, 9) ==
        "lost: gate mode refuses only what a sequence opens: keep it in a ruleset of your own");
}

TEST_CASE("import: a sequence opens nothing that the rules refuse for certain") {
  struct Case {
    std::string text;
    int line;
    const char* reason;
  };
  for (const Case& one : {
           Case{doors("tcp dport 22 drop\n" + std::string(kWay)), 8,
                "lost: it opens nothing, because line 5 refuses its packets"},
           Case{doors("udp dport 8000 drop\n" + std::string(kWay)), 7,
                "lost: line 5 stops every packet before this rule"},
           Case{doors(kWay, "chain d { type filter hook input priority 9; tcp dport 22 reject; }\n"), 8,
                "lost: it opens nothing, because line 4 refuses its packets"},
           Case{doors(kWay, "chain d { type filter hook input priority 9; policy drop; }\n"), 8,
                "lost: it opens nothing, because line 4 refuses its packets"},
       }) {
    INFO(one.text);
    const Imported made = import(one.text);
    CHECK(made.sequences.empty());
    CHECK(reason_of(made, one.line) == one.reason);
  }
  const Imported some = import(doors("ip saddr @bad drop\n" + std::string(kWay)));
  CHECK(some.sequences.size() == 1);
  CHECK(reason_of(some, 8) ==
        "changed: line 5 may refuse some of what it opens: keep that line in a ruleset of your own");
}

namespace {

std::string repeated(std::size_t times, const std::string& text) {
  std::string all;
  for (std::size_t at = 0; at < times; ++at) all += text;
  return all;
}

}  // namespace

TEST_CASE("import: definitions, names and lists that a file makes more of than it has") {
  const std::string drop = "tcp dport 80 accept";
  REQUIRE(publics(import(filter(drop))) == "[80/tcp]");
  // Whatever is not read may refuse: nothing is public.
  const std::string many = "define x = " + repeated(9'000, "a ") + "\n";
  const Imported grown = import(many + filter(repeated(3'000, "ip daddr { $x } accept\n") + drop));
  CHECK(publics(grown).empty());
  const std::string too_long = "lost: a word, or what its definitions stand for, is too long to be read";
  CHECK(reason_of(grown, 100) ==
        "lost: not understood; stealth mode lets in only what is in `public`, so add what is missing there");
  CHECK(reason_of(grown, 3'000) == too_long);
  const std::string name(256, 'n');
  const Imported named = import(filter(drop, "}\ntable inet " + name + " { chain c { drop; } "));
  CHECK(publics(named).empty());
  CHECK(reason_of(named, 12).starts_with(too_long));
  CHECK(publics(import(filter(drop, "}\ntable inet " + name.substr(1) + " { chain c { drop; } "))) ==
        "[80/tcp]");
  // Rules that are not understood.
  const std::string protocols = "meta l4proto { " + repeated(2'000, "tcp, ") + "udp } th dport { " +
                                repeated(2'000, "81, ") + "82 } accept\n";
  CHECK(publics(import(filter(protocols + drop))) == "[80/tcp]");
  CHECK(publics(import(filter("tcp dport {" + repeated(2'000, "\n") + "81 } accept\n" + drop))) ==
        "[80/tcp]");
  // What is behind so many conditions is in doubt.
  const std::string guard = "ip saddr != @x udp dport 9 return\n";
  CHECK(import(doors(repeated(300, guard) + kWay)).sequences.empty());
  CHECK(import(doors(repeated(200, guard) + kWay)).sequences.size() == 1);
}

TEST_CASE("import: files for nft that are no such files") {
  for (const char* text :
       {"", "}", "{{{", "table", "table inet", "table inet t { chain c {", "set set set", "$x $y",
        "define a = $a", "define a = { $b }\ndefine b = $a\n$b", "add rule", "\\", "\"", "add",
        "table t { chain c { jump c; } }", "table t { map m { type x : y", "add set ip t s {"}) {
    INFO(text);
    const Imported made = import(text);
    CHECK(made.sequences.empty());
    CHECK(std::all_of(made.lines.begin(), made.lines.end(), [](const ImportedLine& line) {
      return line.fate == LineFate::unneeded || !line.reason.empty();
    }));
  }
}
