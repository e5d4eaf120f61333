// Between Spec and Program: one plain sequence per accepted epoch.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "fake_kernel.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/knockwork.hpp"
#include "plan/difference.hpp"
#include "ruleset/ruleset.hpp"

using namespace knockwork;

namespace {

const std::string kText = R"(knockwork: 1
sequences:
  - name: web
    knock: [47011]
    opens: [80/tcp]
  - name: ssh
    derive: {secret_file: /nowhere/secret, host: web1, length: 5, period: 10s, overlap: 2s}
    opens: [22/tcp]
    once: true
  - name: backup
    derive: {secret_file: /nowhere/secret, host: WEB1., length: 3, epoch: 41, accepts: [42, 41]}
    opens: [873/tcp]
)";

Spec declared(const std::string& text = kText) {
  return load({{Source::Kind::declaration, "knockwork.yml", text}});
}

HostKey key_of(const Derivation& derivation, Epoch) { return host_key("0123456789abcdef", derivation.host); }

std::vector<std::string> names(const Spec& spec) {
  std::vector<std::string> all;
  for (const Sequence& sequence : spec.sequences) all.push_back(sequence.name);
  return all;
}

}  // namespace

TEST_CASE("resolve: a sequence for each epoch that is accepted, in the place of the declared one") {
  using Names = std::vector<std::string>;
  const Spec spec = declared();
  const auto at = [&](std::vector<UnixTime> times) { return names(resolve(spec, times, key_of)); };
  CHECK(at({UnixTime(105'000)}) == Names{"web", "ssh#10", "backup#41", "backup#42"});
  CHECK(at({UnixTime(108'000)}) == Names{"web", "ssh#10", "ssh#11", "backup#41", "backup#42"});
  CHECK(at({UnixTime(111'999)}) == Names{"web", "ssh#10", "ssh#11", "backup#41", "backup#42"});
  CHECK(at({UnixTime(112'000)}) == Names{"web", "ssh#11", "backup#41", "backup#42"});
  // A clock that is doubted: both times, each epoch once.
  CHECK(at({UnixTime(145'000), UnixTime(105'000)}) ==
        Names{"web", "ssh#10", "ssh#14", "backup#41", "backup#42"});
  CHECK(at({UnixTime(105'000), UnixTime(108'000)}) ==
        Names{"web", "ssh#10", "ssh#11", "backup#41", "backup#42"});
}

TEST_CASE("resolve: what is drawn is what derive() draws, and all else stays as declared") {
  const Spec spec = declared();
  const Spec resolved = resolve(spec, {UnixTime(105'000)}, key_of);
  const Sequence &declared = spec.sequences[1], &drawn = resolved.sequences[1];
  CHECK(drawn.knock == derive(host_key("0123456789abcdef", "web1"), "ssh", *declared.derive, 10));
  CHECK(drawn.once);
  CHECK(drawn.opens == declared.opens);
  CHECK_FALSE(drawn.derive);
  CHECK(resolved.sequences[0] == spec.sequences[0]);
  CHECK(resolved.lockout == spec.lockout);
  CHECK_FALSE(has_derived(resolved));
  CHECK(resolve(resolved, {UnixTime(0)}, key_of) == resolved);
}

TEST_CASE("resolve: a declaration prints in its normal form and reads back the same") {
  const Spec spec = declared();
  CHECK(declared(to_yaml(spec)) == spec);
  CHECK(spec.sequences[2].derive->host == "web1");
  CHECK(spec.sequences[2].derive->accepts == std::vector<std::uint64_t>{41, 42});
  CHECK(to_yaml(spec).find(
            "derive: {secret_file: \"/nowhere/secret\", host: \"web1\", length: 3, protocols: [udp], "
            "ports: 1024-32767, exclude: [], epoch: 41, accepts: [41, 42]}") != std::string::npos);
}

TEST_CASE("resolve: without the secret file nothing is changed, and the error says what to do") {
  FakeKernel kernel;
  const Spec spec = declared();
  try {
    plan(spec, kernel, {});
    FAIL("planned without a secret");
  } catch (const SystemError& error) {
    CHECK(
        std::string(error.what())
            .starts_with(
                "no secret file /nowhere/secret: install the line that `knockwork derive host-key NAME` prints"));
  }
  CHECK(kernel.commits() == 0);
  const auto status = nlohmann::json::parse(to_json(clock_status(spec)));  // needs none
  CHECK(status.at("sequences").size() == 2);
  CHECK(status.at("sequences").at(1).at("accepts") == nlohmann::json({41, 42}));
  CHECK(status.at("sequences").at(0).at("until").get<std::string>() >
        status.at("time").get<std::string>());  // RFC 3339, in UTC
}

TEST_CASE("resolve: another epoch is another ruleset; the retired one's edges are gone") {
  FakeKernel kernel;
  const Spec spec = declared();
  const auto at = [&](std::int64_t now) { return resolve(spec, {UnixTime(now)}, key_of); };
  kernel.commit(
      difference(nullptr, compile(compile(at(105'000)))));  // an apply would leave its state on this machine
  CHECK_FALSE(plan(at(106'000), kernel, {}).changed);
  const Report report = plan(at(115'000), kernel, {});
  REQUIRE(report.changes.size() == 2);
  CHECK(report.changes[0].name == "ssh#11");
  CHECK(report.changes[0].kind == Change::Kind::add);
  CHECK(report.changes[1].name == "ssh#10");
  CHECK(report.changes[1].kind == Change::Kind::remove);
}
