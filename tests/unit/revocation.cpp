// What a revocation takes, and what it must leave.
#include <algorithm>

#include "catch.hpp"
#include "commit/carry_out.hpp"
#include "knockwork/diagnostic.hpp"
#include "plan/difference.hpp"
#include "plan/plan.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/on_demand/severed.hpp"

using namespace knockwork;
using namespace std::chrono_literals;

namespace {

constexpr const char* kDeclaration = R"(knockwork: 1
always_allow: [192.0.2.0/28]
ipv6_prefix: 64
interfaces: [eth0]
sequences:
  - {name: ssh, knock: [7000, 8000], opens: [22/tcp, 51820/udp]}
  - {name: other, knock: [7100, 8100], opens: [22/tcp, 2200-2299/tcp]}
  - {name: behind, knock: [7200, 8200], opens: [22/tcp], to: [203.0.113.10]}
)";

struct Gate {
  Program program = compile(load({{Source::Kind::declaration, "test", kDeclaration}}));
  LiveTable live;
  Traffic traffic;

  Gate() {
    live.ours = true;
    live.ruleset = compile(program);
    traffic.own = {*parse_network("10.0.0.2"), *parse_network("2001:db8::2")};
  }
  const Track& track(const std::string& name) const {
    return *std::find_if(program.tracks.begin(), program.tracks.end(),
                         [&](const Track& each) { return each.name == name; });
  }
  void let_in(const std::string& source, const std::string& name) {
    const std::string family = source.find(':') == std::string::npos ? "4" : "6";
    live.live["holders" + family].push_back(
        {source + " . " + edge_key(track(name).edges.back().id), 60s, 30s});
    for (const Service& service : track(name).services) {
      const GrantKey key = grant_key(track(name), service);
      live.live[key.set + family].push_back({source + key.tail, 60s, 30s});
    }
  }
  void connect(const std::string& source, std::uint16_t source_port, const std::string& target,
               std::uint16_t port, Protocol protocol = Protocol::tcp) {
    traffic.flows.push_back({protocol, *parse_network(source), source_port, *parse_network(target), port});
  }
  Revoked revoke(const std::string& name, const std::string& source = "") const {
    Retirement what;
    if (name.empty()) {
      what.all = true;
    } else {
      what.tracks.push_back(track(name));
    }
    if (!source.empty()) what.source = parse_network(source);
    return revoked(live, what, program, traffic);
  }
};

std::vector<std::string> keys(const Revoked& theirs, const std::string& set) {
  for (const ForgetElements& action : theirs.elements) {
    if (action.set == set) return action.keys;
  }
  return {};
}

std::vector<std::string> severed(const Revoked& theirs) {
  std::vector<std::string> all;
  for (const auto* actions : {&theirs.severed, &theirs.spared}) {
    for (const CarryElements& action : *actions) {
      for (const LiveElement& element : action.elements) all.push_back(element.key);
    }
  }
  return all;
}

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("revocation: a sequence's grants, but not what another one opened as well") {
  Gate gate;
  gate.let_in("10.0.0.1", "ssh");
  gate.let_in("10.0.0.3", "ssh");
  gate.let_in("10.0.0.3", "other");
  gate.let_in("2001:db8:1::", "ssh");
  const Revoked theirs = gate.revoke("ssh");
  CHECK(keys(theirs, "granted4") ==
        Keys{"10.0.0.1 . 6 . 22", "10.0.0.1 . 17 . 51820", "10.0.0.3 . 17 . 51820"});
  CHECK(keys(theirs, "granted6") == Keys{"2001:db8:1:: . 6 . 22", "2001:db8:1:: . 17 . 51820"});
  CHECK(keys(theirs, "ranged4").empty());
  CHECK(keys(theirs, "holders4").size() == 2);
  Retirement what;
  what.tracks.push_back(gate.track("ssh"));
  CHECK(plan_revocation(gate.live, what, gate.program, gate.traffic).changes.back() ==
        Change{Change::Kind::remove, "grant", "2001:db8:1::/64", "by ssh", "", "by ssh, revoked"});
}

TEST_CASE("revocation: a source's grants, by an address of its prefix") {
  Gate gate;
  gate.let_in("10.0.0.1", "ssh");
  gate.let_in("10.0.0.3", "ssh");
  gate.let_in("2001:db8:1::", "other");
  CHECK(keys(gate.revoke("", "10.0.0.1"), "granted4") == Keys{"10.0.0.1 . 6 . 22", "10.0.0.1 . 17 . 51820"});
  CHECK(gate.revoke("ssh", "10.0.0.8").empty());
  CHECK(keys(gate.revoke("", "2001:db8:1::7"), "granted6") == Keys{"2001:db8:1:: . 6 . 22"});
  CHECK(gate.revoke("", "10.0.0.0/24").ended.size() == 2);
}

TEST_CASE("revocation: half-done knocks of the sequence") {
  Gate gate;
  const std::string theirs = "10.0.0.1 . " + edge_key(gate.track("ssh").edges.back().id);
  gate.live.live["expected4"] = {{theirs, 5s, 3s},
                                 {"10.0.0.1 . " + edge_key(gate.track("other").edges.back().id), 5s, 3s}};
  CHECK(keys(gate.revoke("ssh"), "expected4") == Keys{theirs});
}

TEST_CASE("revocation: connections that no grant is left for") {
  Gate gate;
  gate.let_in("10.0.0.3", "other");
  gate.connect("10.0.0.1", 40001, "10.0.0.2", 22);
  gate.connect("10.0.0.1", 40002, "10.0.0.2", 51820, Protocol::udp);
  gate.connect("2001:db8:1::7", 40003, "2001:db8::2", 22);
  gate.connect("10.0.0.1", 40004, "10.0.0.2", 23);      // not protected
  gate.connect("10.0.0.1", 40005, "203.0.113.10", 22);  // another sequence's
  gate.connect("10.0.0.1", 40006, "198.51.100.1", 22);  // routed, nobody's
  gate.connect("10.0.0.3", 40007, "10.0.0.2", 22);      // in by another sequence
  gate.connect("192.0.2.7", 40008, "10.0.0.2", 22);     // never needs to knock
  gate.connect("10.0.0.2", 40009, "10.0.0.2", 22);      // this host's own
  const Revoked theirs = gate.revoke("ssh");
  CHECK(severed(theirs) == Keys{"10.0.0.1 . 10.0.0.2 . 17 . 51820", "10.0.0.1 . 10.0.0.2 . 6 . 22",
                                "2001:db8:1:: . 2001:db8::2 . 6 . 22"});
  Retirement what;
  what.tracks.push_back(gate.track("ssh"));
  CHECK(plan_revocation(gate.live, what, gate.program, gate.traffic).changes ==
        std::vector<Change>{{Change::Kind::remove, "connections", "10.0.0.1", "2", "", "2 cut"},
                            {Change::Kind::remove, "connections", "2001:db8:1::7", "1", "", "1 cut"}});
  CHECK(severed(gate.revoke("behind")) == Keys{"10.0.0.1 . 203.0.113.10 . 6 . 22"});
}

TEST_CASE("revocation: twice, the second finds nothing") {
  Gate gate;
  gate.let_in("10.0.0.1", "ssh");
  gate.connect("10.0.0.1", 40001, "10.0.0.2", 22);
  const Revoked first = gate.revoke("ssh");
  REQUIRE_FALSE(first.empty());
  gate.live.live["severed4"] = first.severed.front().elements;
  for (const char* set : {"holders4", "granted4"}) gate.live.live[set].clear();
  CHECK(gate.revoke("ssh").empty());
}

TEST_CASE("revocation: the connection over which it is asked for goes on") {
  Gate gate;
  gate.connect("10.0.0.1", 40001, "10.0.0.2", 22);
  gate.connect("10.0.0.1", 40002, "10.0.0.2", 22);
  gate.traffic.operator_ = parse_connection("10.0.0.1 40001 10.0.0.2 22");
  const Revoked theirs = gate.revoke("");
  CHECK(severed(theirs) == Keys{"10.0.0.1 . 10.0.0.2 . 6 . 22", "10.0.0.1 . 40001 . 6 . 22"});
  CHECK(theirs.spared.back().set == "spared4");
  CHECK(theirs.spared_operator);
}

TEST_CASE("revocation: what was saved forgets as well") {
  Gate gate;
  gate.let_in("10.0.0.1", "ssh");
  gate.let_in("10.0.0.3", "behind");
  LiveSets saved = worth_keeping(gate.live);
  Retirement what;
  what.tracks.push_back(gate.track("ssh"));
  CHECK(forget(saved, gate.live.ruleset, what));
  CHECK(saved.at("granted4").empty());
  CHECK(saved.at("reached4").size() == 1);
  CHECK_FALSE(forget(saved, gate.live.ruleset, what));
}

TEST_CASE("revocation: its objects come and go without a trace, and an apply keeps them") {
  const Gate gate;
  const Ruleset with = with_severed(gate.live.ruleset, gate.program);
  CHECK(has_severed(with));
  CHECK_FALSE(has_severed(gate.live.ruleset));
  CHECK(without_severed(with) == gate.live.ruleset);
  CHECK(with_severed(with, gate.program) == with);
  CHECK(program_of(gate.live.ruleset).interfaces == std::vector<std::string>{"eth0"});
  CHECK(with_severed(gate.live.ruleset, program_of(gate.live.ruleset)) == with);
  LiveTable live{true, std::string(kTableComment), {}, with, {}, {}};
  live.live["severed6"] = {{"2001:db8:1:: . 2001:db8::2 . 6 . 22", kSevered, kSevered}};
  CHECK(difference(&live, with).empty());
}

TEST_CASE("revocation: one element for a source and a service, however many connections it makes") {
  Gate gate;
  for (std::uint16_t port = 1; port < 60000; ++port) {
    gate.connect("10.0.0.1", port, "10.0.0.2", 51820, Protocol::udp);
    gate.connect("2001:db8:1::" + std::to_string(port % 100), port, "2001:db8::2", 22);
  }
  const Revoked theirs = gate.revoke("ssh");
  CHECK(severed(theirs) == Keys{"10.0.0.1 . 10.0.0.2 . 17 . 51820", "2001:db8:1:: . 2001:db8::2 . 6 . 22"});
  CHECK(theirs.flows.size() == 2 * 59999);
  CHECK_FALSE(theirs.for_all);
}

TEST_CASE("revocation: more sources than there is room for are cut with the service") {
  Gate gate;
  gate.let_in("10.0.0.3", "other");
  gate.connect("10.0.0.3", 1, "10.0.0.2", 22);
  for (std::uint32_t source = 0; source <= kMostSevered; ++source) {
    gate.connect("10.1." + std::to_string(source / 256 % 256) + '.' + std::to_string(source % 256), 1,
                 source == kMostSevered ? "203.0.113.10" : "10.0.0.2", 22);
  }
  const Revoked fits = gate.revoke("ssh");
  CHECK(severed(fits).size() == kMostSevered);
  CHECK_FALSE(fits.for_all);
  const Revoked theirs = gate.revoke("");
  CHECK(theirs.for_all);
  CHECK(severed(theirs) == Keys{"ipv4 . 6 . 22"});
  CHECK(theirs.severed.front().set == "severed_all");

  // Whoever came in again since then is cut again, and nobody else anew.
  gate.live.live["severed_all"] = {{"ipv4 . 6 . 22", kSevered, kSevered}};
  gate.live.live["resumed4"] = {{"10.1.0.7 . 10.0.0.2 . 6 . 22", kSevered, kSevered}};
  for (const char* set : {"holders4", "ranged4"}) gate.live.live[set].clear();
  const Revoked again = gate.revoke("ssh", "10.1.0.0/16");
  CHECK(severed(again) == Keys{"10.1.0.7 . 10.0.0.2 . 6 . 22"});
  CHECK(keys(again, "resumed4") == Keys{"10.1.0.7 . 10.0.0.2 . 6 . 22"});
}

TEST_CASE("revocation: what the same plan does to tokens is done with it") {
  Gate gate;
  gate.let_in("10.0.0.1", "ssh");
  gate.connect("10.0.0.1", 40001, "10.0.0.2", 22);
  Plan plan;
  plan.target = gate.live.ruleset;
  plan.feeding = put_tokens({{{}, 60s, gate.track("ssh").edges.back().id}}, 0s, 60s, true);
  plan.transaction = plan.feeding;
  Retirement what;
  what.all = true;
  revoke(plan, gate.live, what, gate.program, gate.traffic);
  const auto puts_tokens = [](const Transaction& transaction) {
    return std::any_of(transaction.actions.begin(), transaction.actions.end(), [](const Action& action) {
      const auto* fed = std::get_if<FeedElements>(&action);
      return fed != nullptr && fed->set == kTokens;
    });
  };
  CHECK(puts_tokens(plan.transaction));
  REQUIRE(plan.fallback);
  CHECK(puts_tokens(plan.fallback->transaction));
}

TEST_CASE("revocation: the kernel has no room for a source, and the service is cut instead") {
  class Full final : public Kernel {
   public:
    explicit Full(bool judges) : judges_(judges) {}
    std::optional<LiveTable> read() override { return {}; }
    std::string others() override { return {}; }
    std::optional<Ruleset> as_listed(const Ruleset&) override { return {}; }
    void expect_commit(const std::function<void()>&) override {}
    void commit(const Transaction& transaction) override {
      if (to_nft(transaction).find("element inet knockwork severed4 ") != std::string::npos)
        judges_ ? throw Refused("it is full") : throw SystemError("message too long");
      script = to_nft(transaction);
    }
    Generation generation() override { return {}; }
    std::string token_memory() override { return {}; }
    std::vector<Flow> flows() override { return {}; }
    std::vector<Link> links() override { return {}; }
    std::vector<Flowtable> flowtables() override { return {}; }
    void end(const std::vector<Flow>&, Ending) override {}
    std::string script;

   private:
    bool judges_;  // else the transaction does not get there
  };
  const bool judges = GENERATE(true, false);
  Gate gate;
  gate.connect("10.0.0.1", 40001, "10.0.0.2", 22);
  Retirement what;
  what.all = true;
  Full kernel(judges);
  Report report;
  carry_out(plan_revocation(gate.live, what, gate.program, gate.traffic), {gate.live, {}}, {},
            deed("revoke", {}), report, kernel);
  CHECK(report.changed);
  CHECK(report.warnings ==
        std::vector<std::string>{"there are too many sources to cut individually: the services were cut for "
                                 "every source without a current grant"});
  CHECK(kernel.script.find("severed_all { ipv4 . 6 . 22 ") != std::string::npos);
}

TEST_CASE("revocation: what an earlier table severed by connection stays severed by source and service") {
  const Gate gate;
  const Ruleset wanted = with_severed(gate.live.ruleset, gate.program);
  LiveTable live = gate.live;
  live.ruleset.sets.push_back({"severed6",
                               "ipv6_addr . inet_service . ipv6_addr . inet_proto . inet_service",
                               {"dynamic", "timeout"},
                               {},
                               65536,
                               {}});
  std::sort(live.ruleset.sets.begin(), live.ruleset.sets.end(),
            [](const Set& left, const Set& right) { return left.name < right.name; });
  live.live["severed6"] = {{"2001:db8:1::7 . 40003 . 2001:db8::2 . 6 . 22", kSevered, kSevered},
                           {"2001:db8:1::8 . 40004 . 2001:db8::2 . 6 . 22", kSevered, kSevered}};
  const std::string script = to_nft(difference(&live, wanted));
  CHECK(script.find("severed6 { 2001:db8:1:: . 2001:db8::2 . 6 . 22 timeout 5d expires 5d }") !=
        std::string::npos);
  CHECK(severed_key_of_today("10.0.0.1 . 9 . 10.0.0.2 . 6 . 22") == "10.0.0.1 . 10.0.0.2 . 6 . 22");
  CHECK(severed_key_of_today("10.0.0.1 . 10.0.0.2 . 6 . 22") == "10.0.0.1 . 10.0.0.2 . 6 . 22");
  const LiveSets saved{{"severed4", {{"10.0.0.1 . 9 . 10.0.0.2 . 6 . 22", kSevered, kSevered}}}};
  const auto carried = restored(saved, wanted, 0ms).actions;
  REQUIRE(carried.size() == 1);
  CHECK(carried.front().elements.front().key == "10.0.0.1 . 10.0.0.2 . 6 . 22");
}
