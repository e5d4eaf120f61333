// Profiles: what they mean, what is wrong with them, and that export writes what is read back.
#include <unistd.h>

#include <cstdlib>

#include "catch.hpp"
#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"

namespace {

using namespace knockwork;

constexpr const char* kText = R"(knockwork: 1
hosts:
  - host: web1.example
    address: 192.0.2.10
    sequences:
      - {name: ssh, knock: [7000, 8000/tcp], opens: [22/tcp], step_timeout: 2s}
      - {name: alt, knock: [7001], opens: [20-30/tcp], step_timeout: 9s}
  - host: ["web*", db]
    lockout: 1m
    sequences:
      - {name: only, knock: [7002], opens: [5432/tcp]}
)";

std::string faults(const std::string& text) {
  try {
    load_profile("hosts.yml", text);
  } catch (const InvalidDeclaration& invalid) {
    return to_text(invalid.diagnostics());
  }
  return "";
}

}  // namespace

TEST_CASE("profile: the first entry that fits counts, by name or pattern, in any case") {
  const Profile profile = load_profile("hosts.yml", kText);
  const KnockTarget target = target_opening(profile, "WEB1.example", {Protocol::tcp, 22, 22});
  CHECK(target.sequence == "ssh");
  CHECK(target.host == "WEB1.example");
  CHECK(target.address == "192.0.2.10");
  CHECK(target.lockout == std::chrono::seconds(9));  // the longest step_timeout
  CHECK(target.knocks == std::vector<std::vector<Knock>>{{{Protocol::udp, 7000}, {Protocol::tcp, 8000}}});
  CHECK(target_opening(profile, "web1.example", {Protocol::tcp, 25, 25}).sequence == "alt");
  CHECK(target_named(profile, "web1.example", "alt").sequence == "alt");
  CHECK(only_target(profile, "web2").address == "web2");
  CHECK(only_target(profile, "db").lockout == std::chrono::minutes(1));
}

TEST_CASE("profile: what a host's declaration exports is read back") {
  const Spec spec = load({{Source::Kind::declaration, "t.yml", R"(
knockwork: 1
lockout: 1m
sequences:
  - {name: ssh, knock: [7000, 8000/tcp], opens: [22/tcp, 60000-61000/udp], sequence_timeout: 10s, open_for: 1h}
  - {name: web, derive: {secret_file: /s, length: 5, period: 1d, overlap: 1h, host: web1}, opens: [80/tcp]}
  - {name: routed, knock: [7001], opens: [22/tcp], to: [192.0.2.9]}
  - {name: old, derive: {secret_file: /s, length: 3, epoch: 7, accepts: [6, 7], host: web1}, opens: [81/tcp]}
  - {name: kept, derive: {secret_file: /s, length: 3, host: web1}, opens: [82/tcp]}
)"}});
  const ProfileHost host = export_host(spec, "web1", "192.0.2.1");
  CHECK(host == ProfileHost{{"web1"}, "192.0.2.1", spec.lockout, spec.sequences});
  CHECK(load_profile("t", to_yaml(host)).hosts == std::vector{host});
  CHECK(load_profile("t", to_json(host)).hosts == std::vector{host});
  const ProfileHost none = export_host(load({{Source::Kind::declaration, "t", "knockwork: 1"}}), "w", "");
  CHECK(load_profile("t", to_yaml(none)).hosts == std::vector{none});
}

TEST_CASE(
    "profile: what proves that a sequence has opened is a single TCP port of the host that is knocked on") {
  const Profile profile = load_profile("hosts.yml", R"(
knockwork: 1
hosts:
  - host: web1
    sequences:
      - {name: one, knock: [7000], opens: [51820/udp, 20-30/tcp, 443/tcp], sequence_timeout: 9s}
      - {name: none, knock: [7001], opens: [51820/udp, 20-30/tcp]}
      - {name: routed, knock: [7002], opens: [22/tcp], to: [192.0.2.9]}
)");
  CHECK(target_named(profile, "web1", "one").proof == Service{Protocol::tcp, 443, 443});
  CHECK(target_named(profile, "web1", "one").sequence_timeout == std::chrono::seconds(9));
  CHECK_FALSE(target_named(profile, "web1", "none").proof);
  CHECK_FALSE(target_named(profile, "web1", "routed").proof);
}

TEST_CASE("profile: what is none at all") {
  CHECK(faults("") ==
        "hosts.yml: error: the profile is empty\n"
        "  help: start it with `knockwork: 1`, and list hosts under `hosts:`\n");
  CHECK(faults("[]\n") ==
        "hosts.yml:1:1: error: a profile must be a mapping of keys\n"
        "  []\n  ^\n"
        "  help: start it with `knockwork: 1`, and list hosts under `hosts:`\n");
}

TEST_CASE("profile: an epoch that only the host knows is asked for") {
  const Profile profile = load_profile("hosts.yml", R"(
knockwork: 1
hosts: [{host: web1, sequences: [{name: ssh, derive: {secret_file: /s, length: 5}, opens: [22/tcp]}]}]
)");
  CHECK_THROWS_WITH(
      only_target(profile, "web1"),
      "the profile has no epoch for ssh, and the record of web1 is not available on this machine: set "
      "`epoch`, as in the output of `knockwork export` there");
}

TEST_CASE("profile: knocks by hand are those of a declaration") {
  CHECK(target_of_knocks("web1", {"7000", "8000/tcp"}).knocks ==
        std::vector<std::vector<Knock>>{{{Protocol::udp, 7000}, {Protocol::tcp, 8000}}});
  CHECK(tcp_service("22") == Service{Protocol::tcp, 22, 22});
  CHECK(tcp_service("22/tcp") == Service{Protocol::tcp, 22, 22});
}

TEST_CASE("profile: a token's key is all that one person needs, and opens what the secret opens") {
  const std::string key = "67FLS4xYGmAUe7V/72dw/f3JgzFOCqWicMvys8lsbRw=";
  const Spec spec = load({{Source::Kind::declaration, "t.yml",
                           R"(
knockwork: 1
sequences:
  - {name: alice, token: {port: 41873, key: ")" +
                               key + R"(", period: 30s, ahead: 1h, skew: 1m}, opens: [22/tcp]}
  - {name: bob, token: {port: 41873, secret_file: /s, host: web1.example, serial: 3}, opens: [22/tcp]}
  - {name: carol, knock: [7000, 8000/tcp], opens: [22/tcp]}
)"}});
  CHECK(to_yaml(export_for(spec, "alice", "web1", "")) == R"(knockwork: 1
hosts:
  - host: "web1"
    lockout: "5s"
    sequences:
      - name: "alice"
        opens: ["22/tcp"]
        open_for: "30s"
        token: {"port":"41873/udp","key":")" + key + R"(","period":"30s"}
)");
  const ProfileHost all = export_host(spec, "web1", "");
  CHECK(to_yaml(all).find(
            R"(token: {"port":"41873/udp","secret_file":"/s","host":"web1.example","period":"15s",)"
            R"("serial":3})") != std::string::npos);
  CHECK(load_profile("t", to_yaml(all)).hosts.front().sequences[1] == spec.sequences[1]);
  CHECK(export_for(spec, "carol", "web1", "").sequences == std::vector{spec.sequences[2]});
  CHECK_THROWS_WITH(export_for(spec, "dave", "web1", ""),
                    "the declaration has no sequence dave: it has alice, bob, carol");
  const KnockTarget target =
      only_target(load_profile("t", to_yaml(export_for(spec, "alice", "web1", ""))), "web1");
  CHECK(to_base64(target.token->key) == key);
  CHECK(target.token->port == Knock{Protocol::udp, 41873});
  CHECK(target.token->draw(118802822, 0) ==
        TokenDrawer(target.token->key, Duration::milliseconds(30000)).at(118802822, 0));
  CHECK(target.proof == Service{Protocol::tcp, 22, 22});
  CHECK(target.knocks.empty());
}

TEST_CASE("profile: a token's secret file means the host as it is called, where the token names none") {
  std::string file = "/tmp/knockwork-unit.XXXXXX";
  const int number = ::mkstemp(file.data());
  REQUIRE(number >= 0);
  const std::string secret = "master:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
  REQUIRE(::write(number, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size()));
  ::close(number);
  const Profile profile = load_profile("hosts.yml", R"(
knockwork: 1
hosts:
  - host: ["web?.example"]
    sequences:
      - {name: alice, token: {port: 41873, secret_file: )" +
                                                        file + R"(}, opens: [22/tcp]}
      - {name: bob, token: {port: 41873, secret_file: )" +
                                                        file + R"(, host: web1.example}, opens: [80/tcp]}
)");
  const auto key = [&](const char* host, const char* name) {
    return to_base64(target_named(profile, host, name).token->key);
  };
  CHECK(key("WEB1.example", "alice") == "67FLS4xYGmAUe7V/72dw/f3JgzFOCqWicMvys8lsbRw=");
  CHECK(key("web2.example", "alice") == "iUO14S3o5orcKQFhRru6BzD2V3lkxI0OeD9nJCNO4wc=");
  CHECK(key("web2.example", "bob") == key("web1.example", "bob"));
  ::unlink(file.c_str());
  CHECK_THROWS_WITH(key("web1.example", "alice"), containing("no secret file " + file));
}
