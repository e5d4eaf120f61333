// An apply that waits: its note, its time, and what counts as a proof.
#include "pending/pending.hpp"

#include <algorithm>

#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "pending/pending.hpp"
#include "pending/proof.hpp"
#include "program/connection.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/ruleset.hpp"

using namespace knockwork;
using namespace std::chrono_literals;

namespace {

constexpr const char* kDeclaration = R"(knockwork: 1
always_allow: [192.0.2.0/28]
sequences:
  - {name: ssh, knock: [7000, 8000], opens: [22/tcp], open_for: 1m}
  - {name: range, knock: [7100, 8100], opens: [2200-2299/tcp], open_for: 1m}
  - {name: behind, knock: [7200, 8200], opens: [22/tcp], to: [203.0.113.10], open_for: 1m}
  - {name: lasting, knock: [7300, 8300], opens: [24/tcp], open_for: 1m, prolong: true}
)";

Pending pending() {
  Pending pending;
  pending.id = "5f1d92ab";
  pending.boot = "boot";
  pending.at = 1'764'038'400'000ms;
  pending.armed = 1000s;
  pending.deadline = 1060s;
  pending.committed = 1001s;
  pending.committed_awake = 901s;
  pending.digest = "digest";
  pending.before = "table inet knockwork {\n}\n";
  pending.grants = {1'764'038'400'000ms, {{"granted4", {{"10.0.0.1 . 6 . 22", 60s, 30s}}}}};
  pending.files = {{"/etc/knockwork/knockwork.yml", "old\n", std::nullopt}};
  return pending;
}

Track track(const Ruleset& ruleset, const std::string& name) {
  const std::vector<Track> tracks = decompile(ruleset);
  return *std::find_if(tracks.begin(), tracks.end(), [&](const Track& each) { return each.name == name; });
}

struct Gate {
  LiveTable live;

  explicit Gate(const char* declaration = kDeclaration) {
    live.ours = true;
    live.ruleset = compile(compile(load({{Source::Kind::declaration, "test", declaration}})));
  }
  // A knock `age` ago.
  void let_in(const std::string& source, const std::string& name, const std::string& tail,
              std::chrono::milliseconds age) {
    hold(source, name, tail, age);
    count(live.live, name, 1);
  }
  // So many grants so far.
  void count(LiveSets& sets, const std::string& name, std::uint64_t grants) const {
    sets["counted"] = {{edge_key(track(live.ruleset, name).edges.back().id), 0s, 0s, grants}};
  }
  // A grant that nobody knocked for.
  void hold(const std::string& source, const std::string& name, const std::string& tail,
            std::chrono::milliseconds age) {
    const char family = source.find(':') == std::string::npos ? '4' : '6';
    live.live[std::string("holders") + family].push_back(
        {source + " . " + edge_key(track(live.ruleset, name).edges.back().id), 60s, 60s - age});
    live.live[std::string(tail.find("0x") == std::string::npos ? "granted" : "ranged") + family].push_back(
        {source + tail, 60s, 60s - age});
  }
};

}  // namespace

TEST_CASE("pending: the note says all of it again") {
  CHECK(parse_pending(to_json(pending())) == pending());
  Pending bare;
  CHECK(parse_pending(to_json(bare)) == bare);
}

TEST_CASE("pending: a table that holds bytes which are no text can be noted") {
  Pending odd = pending();
  odd.before = "table inet knockwork {\n\tchain x {\n\t\taccept comment \"\xff\"\n\t}\n}\n";
  const Pending again = parse_pending(to_json(odd));
  CHECK(again.before == "table inet knockwork {\n\tchain x {\n\t\taccept comment \"\xef\xbf\xbd\"\n\t}\n}\n");
}

TEST_CASE("pending: a damaged note is refused, without quoting it") {
  for (const std::string text : {"", "{}", "[]", R"({"id": 7411})", R"({"id": "7411", "boot": null})"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(parse_pending(text), "not the record of an apply that waits");
  }
}

TEST_CASE("pending: its time is over at the deadline, and with its boot") {
  CHECK_FALSE(is_over(pending(), "boot", "", 1059s + 999ms));
  CHECK(is_over(pending(), "boot", "", 1060s));
  CHECK(is_over(pending(), "another", "", 1000s));
}

TEST_CASE("pending: a container that has started anew since is as a host that has") {
  Pending armed = pending();
  CHECK_FALSE(is_over(armed, "boot", "17", 1000s));  // not noted: by a version before
  armed.init = "17";
  CHECK(parse_pending(to_json(armed)) == armed);
  CHECK_FALSE(is_over(armed, "boot", "17", 1000s));
  CHECK_FALSE(is_over(armed, "boot", "", 1000s));  // not shown
  CHECK(is_over(armed, "boot", "18", 1000s));
  CHECK(waiting(pending(), 1040s) == Waiting{"5f1d92ab", 1'764'038'400'000ms, 20s});
  CHECK(waiting(pending(), 1070s).remaining == 0s);
}

TEST_CASE("pending: a grant is for as much of an address as is a source") {
  Gate gate(
      "knockwork: 1\nipv4_prefix: 24\nipv6_prefix: 64\nsequences:\n"
      "  - {name: ssh, knock: [7000, 8000], opens: [22/tcp], open_for: 1m}\n");
  gate.let_in("10.0.0.0", "ssh", " . 6 . 22", 5s);
  gate.let_in("2001:db8::", "ssh", " . 6 . 22", 5s);
  Pending waits = pending();
  waits.grants.sets.clear();
  const auto proved = [&](const std::string& client) {
    return !missing_proof(waits, gate.live, {client + " 40000 10.0.0.2 22", 990s, 920s});
  };
  CHECK(proved("10.0.0.7"));
  CHECK_FALSE(proved("10.0.1.7"));
  CHECK(proved("2001:db8::7"));
  CHECK_FALSE(proved("2001:db8:0:1::7"));
}

TEST_CASE("pending: what proves that one can come in") {
  constexpr const char* kOld =
      "10.0.0.1 has not connected since then: an old grant proves nothing. Knock, reconnect and confirm over "
      "the new connection";
  constexpr const char* kNone =
      "10.0.0.1 has not connected since then: an older connection proves nothing. Knock, reconnect and "
      "confirm over the new connection";
  Gate gate;
  Evidence evidence{"10.0.0.1 40000 10.0.0.2 22", 990s, 920s};
  Pending waits = pending();
  waits.grants.sets.clear();
  const auto missing = [&] { return missing_proof(waits, gate.live, evidence).value_or("proved"); };

  SECTION("nothing to prove without a network") {
    evidence.ssh_connection = "";
    CHECK(missing() == "proved");
  }
  SECTION("a service that nobody protects") {
    evidence.ssh_connection = "10.0.0.1 40000 10.0.0.2 23";
    CHECK(missing() == "proved");
  }
  SECTION("an address that never needs to knock") {
    evidence.ssh_connection = "192.0.2.7 40000 10.0.0.2 22";
    CHECK(missing() == "proved");
  }
  SECTION("a connection from before, without a grant") { CHECK(missing() == kNone); }
  SECTION("a new connection that needed no grant: its interface is not protected") {
    evidence.session_began = 1002s;
    CHECK(missing() == "proved");
    waits.committed.reset();
    CHECK(missing() == kNone);
  }
  SECTION("a new connection by a grant from before") {
    evidence.session_began = 1002s;
    gate.let_in("10.0.0.1", "ssh", " . 6 . 22", 25s);
    CHECK(missing() == kOld);
  }
  SECTION("a grant from before that is over by now may have let it in") {
    evidence.session_began = 1002s;
    waits.grants.sets["granted4"] = {{"10.0.0.1 . 6 . 22", 60s, 2s}};
    CHECK(missing() == kOld);
  }
  SECTION("a knock since then") {
    gate.let_in("10.0.0.1", "ssh", " . 6 . 22", 18s);
    CHECK(missing() == "proved");
  }
  SECTION("a grant from before, and the host slept since: what expires stood still") {
    gate.let_in("10.0.0.1", "ssh", " . 6 . 22", 25s);
    evidence.awake = 910s;
    CHECK(missing() == kOld);
  }
  SECTION("a grant by hand since then") {
    gate.hold("10.0.0.1", "ssh", " . 6 . 22", 18s);
    gate.count(gate.live.live, "ssh", 3);
    gate.count(waits.grants.sets, "ssh", 3);
    CHECK(missing() == kOld);
    gate.count(gate.live.live, "ssh", 4);
    CHECK(missing() == "proved");
  }
  SECTION("a knock since then, by who had a longer grant: its timeout stays what it was") {
    gate.let_in("10.0.0.1", "ssh", " . 6 . 22", 18s);
    gate.live.live["holders4"].front().timeout = 10min;
    CHECK(missing() == "proved");
  }
  SECTION("a longer grant from before") {
    gate.let_in("10.0.0.1", "ssh", " . 6 . 22", 0s);
    gate.live.live["holders4"].front().timeout = gate.live.live["holders4"].front().expires = 10min;
    CHECK(missing() == kOld);
  }
  SECTION("a grant that the session of before renews by its use") {
    evidence.ssh_connection = "10.0.0.1 40000 10.0.0.2 24";
    gate.hold("10.0.0.1", "lasting", " . 6 . 24", 2s);
    CHECK(missing() == kOld);
    gate.count(gate.live.live, "lasting", 3);
    gate.count(waits.grants.sets, "lasting", 3);
    CHECK(missing() == kOld);
    gate.count(gate.live.live, "lasting", 4);
    CHECK(missing() == "proved");
  }
  SECTION("a grant of a sequence that the table has no counter for") {
    gate.hold("10.0.0.1", "ssh", " . 6 . 22", 18s);
    CHECK(missing() == "proved");
  }
  SECTION("a knock for a range that has the port") {
    evidence.ssh_connection = "10.0.0.1 40000 10.0.0.2 2222";
    gate.let_in("10.0.0.1", "range", " . 6 . 0x089808fb", 18s);
    CHECK(missing() == "proved");
  }
  SECTION("a knock of somebody else, for something else, and for another host") {
    gate.let_in("10.0.0.3", "ssh", " . 6 . 22", 18s);
    gate.let_in("10.0.0.1", "range", " . 6 . 0x089808fb", 18s);
    gate.live.live["holders4"].push_back(
        {"10.0.0.1 . " + edge_key(track(gate.live.ruleset, "behind").edges.back().id), 60s, 55s});
    CHECK(missing() != "proved");
  }
  SECTION("a knock of a sequence that is gone") {
    gate.live.live["holders4"].push_back({"10.0.0.1 . 0x00000007", 60s, 55s});
    gate.live.live["granted4"].push_back({"10.0.0.1 . 6 . 22", 60s, 55s});
    CHECK(missing() == kOld);
  }
}

TEST_CASE("pending: a table comes back from its text as it was") {
  const Ruleset ruleset = Gate().live.ruleset;
  const std::string text = to_nft(ruleset);
  CHECK(parse_listing(std::string_view(text).substr(text.find("table inet knockwork {"))).ruleset == ruleset);
}

TEST_CASE("way in: an entry of public for some sources is a way in for them") {
  const auto live = [](const std::string& entries) {
    return program_of(compile(compile(load({{Source::Kind::declaration, "knockwork.yml",
                                             "knockwork: 1\nmode: stealth\npublic: [" + entries +
                                                 "]\nsequences: [{name: ssh, knock: [7000, 8000], opens: "
                                                 "[443/tcp]}]\n"}}))));
  };
  const auto from = [](const char* client) {
    return *parse_connection(std::string(client) + " 50000 198.51.100.7 22");
  };
  CHECK(must_knock(live(""), from("192.0.2.7")));
  CHECK_FALSE(must_knock(live("22/tcp"), from("192.0.2.7")));
  const Program some = live("{service: 20-30/tcp, from: [192.0.2.0/24, 203.0.113.9]}");
  CHECK_FALSE(must_knock(some, from("192.0.2.7")));
  CHECK_FALSE(must_knock(some, from("203.0.113.9")));
  CHECK(must_knock(some, from("203.0.113.10")));
  CHECK(must_knock(live("{service: 22/udp, from: [192.0.2.0/24]}"), from("192.0.2.7")));
  // By which interface it comes nobody says.
  CHECK(must_knock(live("{service: 22/tcp, interface: eth1}, gre"), from("192.0.2.7")));
}
