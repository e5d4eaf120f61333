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
  CHECK(reason_of(made, 16) ==
        "changed: its knocks have different times; the longest, `step_timeout`, is that of each");
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
  CHECK(reason_of(made, 26) == "lost: no packet to this host comes to its chain");
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
        "lost: it opens every port to the source: `opens` names services, so declare those that are meant");
  const Imported two = import(doors(
      "udp dport 7000 add @a { ip saddr }\nudp dport 7100 add @x { ip saddr }\nip saddr @x ip saddr @a udp dport 8000 "
      "add @b { ip saddr }\nip saddr @b tcp dport 22 accept",
      "set x { type ipv4_addr; flags timeout; }\n"));
  CHECK(two.sequences.empty());
  CHECK(reason_of(two, 8) == "lost: it asks for a set that is no part of the way to it");
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
