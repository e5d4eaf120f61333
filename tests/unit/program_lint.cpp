// The odds that lint prints, where they can be worked out by hand.
#include <cmath>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "knockwork/knockwork.hpp"

namespace {

nlohmann::json linted(const std::string& settings, const std::string& knocks) {
  const std::string text =
      "knockwork: 1\n" + settings + "sequences: [{name: s, knock: [" + knocks + "], opens: [22/tcp]}]\n";
  return nlohmann::json::parse(knockwork::lint_json(
      knockwork::load({{knockwork::Source::Kind::declaration, "t.yml", text}})))["sequences"][0];
}

bool near(double value, double expected) { return std::abs(value - expected) < 0.01 * expected; }

}  // namespace

TEST_CASE("lint: entropy is that of ports drawn from both protocols") {
  CHECK(
      near(linted("", "7411/udp, 1807/udp, 29017/udp")["bits"], std::round(30 * std::log2(2 * 65535)) / 10));
  CHECK(near(linted("", "7411/udp")["guess"], 1.0 / (2 * 65535)));
}

TEST_CASE("lint: a random sweep of two knocks and nothing beside them opens every second time") {
  CHECK(near(linted("guards: none\n", "7411/udp, 1807/udp")["random"], 0.5));
  CHECK(near(linted("wrong_knock: ignore\n", "7411/udp, 1807/udp")["random"], 0.5));
}

TEST_CASE("lint: a sweep in order opens what nothing guards") {
  CHECK(linted("wrong_knock: ignore\n", "7411/udp, 8807/udp")["ascending"] == true);
  CHECK(linted("wrong_knock: ignore\n", "7411/udp, 8807/udp")["descending"] == false);
  CHECK(linted("", "7411/udp, 8807/udp")["ascending"] == false);
  CHECK(linted("", "7411/udp, 8807/tcp")["random_sweep"]["udp"] == 0);  // it has not both protocols
}

TEST_CASE("lint: equal distances fall to their stride") {
  CHECK(linted("", "7000, 8000, 9000")["stride"] == true);
  CHECK(linted("", "9001, 7000, 8017")["stride"] == false);
}

TEST_CASE("lint: ports that hosts of a LAN send to by themselves are told, as knocks and as guards") {
  const auto says = [](const nlohmann::json& linted, const std::string& what) {
    return linted["advice"].dump().find(what) != std::string::npos;
  };
  CHECK(says(linted("", "7411, 5353, 1900"), "knocks 2 and 3: ports that hosts on a LAN broadcast"));
  CHECK_FALSE(says(linted("", "7411, 5353/tcp, 5354"), "LAN"));
  CHECK(
      says(linted("guards: [1900/udp]\n", "7411, 8811, 9911"), "`guards` lists a port that hosts on a LAN"));
  CHECK_FALSE(says(linted("guards: [1900/tcp]\n", "7411, 8811, 9911"), "LAN"));
}

TEST_CASE("lint: a UDP service is told what silence does, and a wide prefix what it gives away") {
  const std::string text =
      "knockwork: 1\nipv4_prefix: 24\nsequences: [{name: vpn, knock: [7411, 9911, 8811], opens: [51820/udp]}]\n";
  const std::string told =
      knockwork::lint_json(knockwork::load({{knockwork::Source::Kind::declaration, "t.yml", text}}));
  CHECK(told.find("PersistentKeepalive = 25") != std::string::npos);
  CHECK(told.find("write `prolong: true`") != std::string::npos);
  CHECK(told.find("all hosts in a client's IPv4 /24 share") != std::string::npos);
  CHECK(linted("", "7411, 9911, 8811")["advice"].dump().find("PersistentKeepalive") == std::string::npos);
}

TEST_CASE("lint: no sweep and no guess opens a token, and it says what is in whose power") {
  const auto told = [](const std::string& keys) {
    const std::string text =
        "knockwork: 1\nwrong_knock: ignore\nsequences:\n"
        "  - {name: ssh, knock: [7411, 9911, 8811], opens: [22/tcp]}\n"
        "  - {name: alice, opens: [51820/udp], " +
        keys + "}\n";
    return knockwork::load({{knockwork::Source::Kind::declaration, "t.yml", text}});
  };
  const auto spec = told("from: [192.0.2.0/24], token: {port: 1900, secret_file: /s}");
  const nlohmann::json alice = nlohmann::json::parse(knockwork::lint_json(spec))["sequences"][0];
  CHECK(alice["knocks"] == 0);
  CHECK(alice["tokens"] == 49);
  CHECK(alice["bits"] == 128);
  CHECK(near(alice["guess"], 49 * std::exp2(-128)));
  for (const char* sweep : {"ascending", "descending", "stride"}) CHECK(alice[sweep] == false);
  for (const char* sweep : {"strides", "random"}) CHECK(alice[sweep] == 0);
  CHECK(alice["advice"].size() ==
        1);  // that of a UDP service; none about its port, and none about wrong knocks
  CHECK(alice["risks"].size() == 4);

  const std::string text = knockwork::lint(spec);
  CHECK(text.find(R"(SEQUENCE  KNOCKS   BITS       GUESS  ASCEND  DESCEND  STRIDE      RANDOM
alice      token  128.0   1 in 7e36   never    never   never       never
)") == 0);
  CHECK(text.find(R"(
alice: an observer cannot reuse a token; one who also stops it on its way can
  use it once, from an address in `from`, until its period and `skew` are over
  (2m15s)
alice: no sweep opens it; a guess is one packet: 1 in 7e36
alice: a thief of its key, which a profile holds, gets in until you raise
  `serial`; the key opens nothing else
alice: a reader of this host's ruleset, or of a fresh copy, has the tokens of
  the next 10m; a reader of the secret file has all of them
)") != std::string::npos);
  const std::string of_key = knockwork::lint_json(
      told("token: {port: 1900, key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, ahead: 1h}"));
  CHECK(of_key.find("until you replace `key`") != std::string::npos);
  CHECK(of_key.find("the tokens of the next 1h; a reader of the declaration has all") != std::string::npos);
}

TEST_CASE("lint: a port for tokens is no wrong one in stealth mode") {
  const auto guesses = [](const std::string& more) {
    const std::string text =
        "knockwork: 1\nmode: stealth\nsequences:\n"
        "  - {name: ssh, knock: [7411, 9911, 8811], opens: [22/tcp]}\n" +
        more;
    return nlohmann::json::parse(knockwork::lint_json(
        knockwork::load({{knockwork::Source::Kind::declaration, "t.yml", text}})))["sequences"];
  };
  const double alone = guesses("")[0]["guesses_per_day"];
  const double beside = guesses(
      "  - {name: z, opens: [22/tcp], token: {port: 30000, secret_file: /s}}\n")[0]["guesses_per_day"];
  CHECK(beside > alone);
}

TEST_CASE("lint: tokens that run out before the timer comes are told") {
  const auto told = [](const std::string& ahead) {
    const std::string text =
        "knockwork: 1\nsequences: [{name: a, opens: [22/tcp], token: {port: 1900, secret_file: /s, ahead: " +
        ahead + "}}]\n";
    return knockwork::lint_json(knockwork::load({{knockwork::Source::Kind::declaration, "t.yml", text}}));
  };
  CHECK(told("149s").find("`ahead: 2m29s`: its tokens may run out before knockwork-rotate.timer") !=
        std::string::npos);
  CHECK(told("149s").find("tops them up; write 2m30s or more") != std::string::npos);
  CHECK(told("150s").find("run out") == std::string::npos);
}
