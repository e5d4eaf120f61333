// One suite for every Kernel: the fake always, the real one where we may make a
// network namespace to have it in.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <exception>
#include <random>
#include <thread>

#include "catch.hpp"
#include "fake_kernel.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/knockwork.hpp"

using namespace knockwork;

namespace {

// Runs `test` on a fresh kernel of each kind; the real one in a namespace that
// ends with its thread.
template <typename Test>
void on_each_kernel(Test test) {
  FakeKernel fake;
  test(fake);
  bool skipped = false;
  std::exception_ptr thrown;
  std::thread thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      skipped = true;
      return;
    }
    try {
      test(*open_kernel());
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  thread.join();
  if (thrown) std::rethrow_exception(thrown);
  if (skipped) WARN("not root: the real kernel was left out");
}

Sequence sequence(std::string name, std::vector<Knock> knock, std::vector<Service> opens) {
  Sequence made;
  made.name = std::move(name);
  made.knock = std::move(knock);
  made.opens = std::move(opens);
  return made;
}

Spec classic() {
  Spec spec;
  spec.lockout = Duration::milliseconds(5000);
  spec.sequences = {sequence("ssh", {{Protocol::udp, 7000}, {Protocol::udp, 8000}, {Protocol::udp, 9000}},
                             {{Protocol::tcp, 22, 22}})};
  return spec;
}

// Any declaration at all, small enough that two of them often overlap.
Spec random_spec(std::mt19937& random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  Spec spec;
  spec.mode = pick(0, 1) == 0 ? Mode::gate : Mode::stealth;
  if (spec.mode == Mode::stealth && pick(0, 1) == 0)
    spec.public_services = {{Protocol::tcp, 80, 80}, {Protocol::tcp, 8000, 8100}};
  if (pick(0, 2) == 0) spec.interfaces = {"eth0", "wg-home"};
  if (pick(0, 4) == 0) spec.interfaces = {"!wg-home", "!docker*"};
  spec.refuse = static_cast<Refuse>(pick(0, 2));
  spec.wrong_knock = static_cast<WrongKnock>(pick(0, 1));
  spec.lockout = Duration::milliseconds(100 * pick(50, 80));
  spec.guards.kind = pick(0, 1) == 0 ? Guards::Kind::automatic : Guards::Kind::none;
  spec.sources = static_cast<std::uint32_t>(64 << pick(0, 2));
  if (pick(0, 1) == 0)
    spec.always_allow = {*parse_network("192.0.2.0/28"), *parse_network("192.0.2.16"),
                         *parse_network("2001:db8::/32")};
  for (int number = pick(0, 5); number > 0; --number) {
    Sequence made = sequence(fmt::format("s{}", number), {}, {{Protocol::tcp, 22, 22}});
    for (int steps = pick(1, 4); steps > 0; --steps) {
      made.knock.push_back(
          {pick(0, 1) == 0 ? Protocol::tcp : Protocol::udp, static_cast<std::uint16_t>(pick(7000, 7004))});
    }
    if (pick(0, 1) == 0) {
      const auto first = static_cast<std::uint16_t>(pick(60000, 60010));
      made.opens.push_back({Protocol::udp, first, static_cast<std::uint16_t>(first + pick(0, 10))});
    }
    if (pick(0, 2) == 0) made.sequence_timeout = Duration::milliseconds(1000 * pick(2, 3));
    if (pick(0, 2) == 0) made.from = {*parse_network("198.51.100.0/24"), *parse_network("2001:db8:1::/48")};
    if (pick(0, 4) == 0) made.from = {*parse_network("198.51.100.7")};
    made.step_timeout = Duration::milliseconds(500 * pick(1, 3));
    made.open_for = Duration::milliseconds(10000 * pick(1, 2));
    spec.sequences.push_back(std::move(made));
  }
  return spec;
}

Ruleset compiled(const Spec& spec) { return compile(compile(spec)); }

}  // namespace

TEST_CASE("contract: an empty kernel has no table, and reading moves nothing") {
  on_each_kernel([](Kernel& kernel) {
    const Generation before = kernel.generation();
    CHECK_FALSE(kernel.read().has_value());
    CHECK(kernel.generation() == before);
  });
}

TEST_CASE("contract: what was committed is read back, and the generation moves") {
  on_each_kernel([](Kernel& kernel) {
    const Ruleset wanted = compiled(classic());
    const Generation before = kernel.generation();
    kernel.commit(difference(nullptr, wanted));
    const auto live = kernel.read();
    REQUIRE(live.has_value());
    CHECK(live->ours);
    CHECK(live->ruleset == wanted);
    CHECK(live->strangers.empty());
    CHECK(kernel.generation() != before);
    CHECK(difference(&*live, wanted).empty());
  });
}

TEST_CASE("contract: a transaction that fails changes nothing") {
  const Element absent{"17 . 1", "goto knock", ""};
  const std::vector<std::pair<std::string, Action>> faults{
      {"an absent element", DeleteElements{"dispatch", {absent}}},
      {"a set that rules name", DeleteSet{"granted4", false}},
      {"a chain that elements lead to", DeleteChain{"knock"}},
      {"an absent set", DeleteSet{"nowhere", false}},
      {"an absent chain", FlushChain{"nowhere"}},
      {"an element for a chain that is not there", AddElements{"dispatch", {{"17 . 1", "goto nowhere", ""}}}},
      {"a rule that names an absent set", AddRules{"knock", {"ip saddr @nowhere accept"}}},
      {"a key with another value", AddElements{"dispatch", {{"17 . 7000", "goto guard", ""}}}}};
  for (const auto& [what, fault] : faults) {
    INFO(what);
    on_each_kernel([&fault = fault](Kernel& kernel) {
      kernel.commit(difference(nullptr, compiled(classic())));
      const auto before = kernel.read();
      const Generation generation = kernel.generation();
      CHECK_THROWS_AS(kernel.commit({{FlushChain{"fire"}, fault}}), SystemError);
      CHECK(kernel.read() == before);
      CHECK(kernel.generation() == generation);
    });
  }
}

TEST_CASE("contract: a table that has come in between is not filled a second time") {
  on_each_kernel([](Kernel& kernel) {
    kernel.commit(difference(nullptr, compiled(classic())));
    const auto before = kernel.read();
    CHECK_THROWS_AS(kernel.commit(difference(nullptr, compiled(classic()))), Refused);
    CHECK(kernel.read() == before);
  });
}

TEST_CASE("contract: from any declaration to any other in one transaction") {
  std::mt19937 random(20261123);
  on_each_kernel([&random](Kernel& kernel) {
    for (int round = 0; round < 60; ++round) {
      const Spec spec = random_spec(random);
      INFO("round " << round << "\n" << dump(compile(spec)));
      const auto live = kernel.read();
      const Ruleset wanted = compiled(spec);
      kernel.commit(difference(live ? &*live : nullptr, wanted));
      const auto after = kernel.read();
      REQUIRE(after.has_value());
      CHECK(after->ruleset == wanted);
      CHECK(decompile(after->ruleset) == decompile(wanted));
      CHECK(to_nft(difference(&*after, wanted)) == std::string());
    }
  });
}

TEST_CASE("contract: a set made anew keeps its elements and their time") {
  on_each_kernel([](Kernel& kernel) {
    const Ruleset wanted = compiled(classic());
    kernel.commit(difference(nullptr, wanted));
    const std::string key = "10.1.1.1 . 6 . 22";
    kernel.commit({{CarryElements{"granted4", {{key, std::chrono::seconds(60), std::chrono::seconds(33)}}}}});
    Spec larger = classic();
    larger.sources = 131072;
    for (const Resize resize : {Resize::anew, Resize::in_place}) {
      const auto live = kernel.read();
      REQUIRE(live.has_value());
      kernel.commit(difference(&*live, compiled(larger), resize));
      const auto after = kernel.read();
      REQUIRE(after.has_value());
      CHECK(after->ruleset == compiled(larger));
      REQUIRE(after->live.at("granted4").size() == 1);
      const LiveElement kept = after->live.at("granted4").front();
      CHECK(kept.key == key);
      CHECK(kept.timeout == std::chrono::seconds(60));
      CHECK(kept.expires > std::chrono::seconds(20));
      CHECK(kept.expires <= std::chrono::seconds(33));
      larger.sources = 262144;
    }
  });
}

TEST_CASE("contract: half-done knocks of a retired edge go, others stay") {
  on_each_kernel([](Kernel& kernel) {
    const Ruleset wanted = compiled(classic());
    kernel.commit(difference(nullptr, wanted));
    const std::string kept = "10.1.1.1 . " + edge_key(compile(classic()).tracks[0].edges[1].id);
    const std::string retired = "10.1.1.1 . 0x00000bad";
    const auto time = std::chrono::seconds(50);
    kernel.commit({{CarryElements{"expected4", {{kept, time, time}, {retired, time, time}}}}});
    const auto live = kernel.read();
    REQUIRE(live.has_value());
    kernel.commit(difference(&*live, wanted));
    const auto after = kernel.read();
    REQUIRE(after.has_value());
    REQUIRE(after->live.at("expected4").size() == 1);
    CHECK(after->live.at("expected4").front().key == kept);
  });
}
