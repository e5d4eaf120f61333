// What a report says of a change: whole texts, with fingerprints of a fixed key.
#include "plan/explain.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <regex>

#include "catch.hpp"
#include "fake_kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "report/fingerprint.hpp"
#include "spec/keys.hpp"

using namespace knockwork;

namespace {

Spec classic() {
  Spec spec;
  spec.lockout = Duration::milliseconds(5000);
  Sequence ssh;
  ssh.name = "ssh";
  ssh.knock = {{Protocol::udp, 7000}, {Protocol::udp, 8000}, {Protocol::udp, 9000}};
  ssh.opens = {{Protocol::tcp, 22, 22}};
  spec.sequences = {ssh};
  return spec;
}

std::string told(FakeKernel& kernel, const Spec& spec, Ports ports = Ports::hidden) {
  const Program program = compile(spec);
  const Ruleset wanted = compile(program);
  const auto live = kernel.read();
  const LiveTable* table = live ? &*live : nullptr;
  const Transaction transaction = difference(table, wanted);
  Report report;
  report.changes = explain(table, program, wanted, transaction, Fingerprints("key").shown(ports));
  report.changed = !transaction.empty();
  CHECK(report.changed == !report.changes.empty());
  kernel.commit(transaction);
  CHECK(kernel.read()->ruleset == wanted);
  return to_text(report, Execution::check);
}

// From `classic` to `classic` as altered.
std::string told_of(const std::function<void(Spec&)>& alter, Ports ports = Ports::hidden) {
  FakeKernel kernel;
  told(kernel, classic());
  Spec altered = classic();
  alter(altered);
  return told(kernel, altered, ports);
}

// From `classic` after a hand was at it, back to `classic`.
std::string told_of_hand(const std::function<void(LiveTable&)>& alter) {
  FakeKernel kernel;
  told(kernel, classic());
  kernel.tamper([&](std::optional<LiveTable>& table) { alter(*table); });
  return told(kernel, classic());
}

Set& set(LiveTable& table, std::string_view name) { return const_cast<Set&>(*table.ruleset.set(name)); }
Chain& chain(LiveTable& table, std::string_view name) {
  return const_cast<Chain&>(*table.ruleset.chain(name));
}

}  // namespace

TEST_CASE("explain: from nothing") {
  FakeKernel kernel;
  CHECK(told(kernel, classic()) ==
        "  + table inet knockwork: mode gate, wrong_knock lockout for 5s\n"
        "  + sequence ssh: 3 knocks f6566278, opens 1 service deac3245 for 30s, step_timeout 5s\n"
        "\nPlan: 2 to add, 0 to change, 0 to remove.\n");
  CHECK(told(kernel, classic()) == "Unchanged: the kernel already matches the declaration.\n");
}

TEST_CASE("explain: what a declaration changes") {
  struct Case {
    std::function<void(Spec&)> alter;
    std::string text;
  };
  const std::vector<Case> cases{
      {[](Spec& spec) { spec.sequences[0].step_timeout = Duration::milliseconds(10000); },
       "  ~ sequence ssh: step_timeout 5s → 10s\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.sequences[0].open_for = Duration::milliseconds(60000); },
       "  ~ sequence ssh: open_for 30s → 1m\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.sequences.clear(); },
       "  - sequence ssh\n\nPlan: 0 to add, 0 to change, 1 to remove.\n"},
      {[](Spec& spec) {
         spec.sequences.push_back(spec.sequences[0]);
         spec.sequences[1].name = "second";
       },
       "  + sequence second: 3 knocks a8a47c42, opens 1 service deac3245 for 30s, step_timeout 5s\n"
       "\nPlan: 1 to add, 0 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.mode = Mode::stealth; },
       "  ~ setting mode: gate → stealth\n  ~ setting refuse: reject → drop\n\nPlan: 0 to add, 2 to change, "
       "0 to remove.\n"},
      {[](Spec& spec) { spec.refuse = Refuse::drop; },
       "  ~ setting refuse: reject → drop\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.lockout = Duration::milliseconds(7000); },
       "  ~ setting wrong_knock: lockout for 5s → lockout for 7s\n\nPlan: 0 to add, 1 to change, 0 to "
       "remove.\n"},
      {[](Spec& spec) { spec.sources = 1024; },
       "  ~ setting sources: 65536 → 1024\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.ipv4_prefix = 24; },
       "  ~ setting ipv4_prefix: 32 → 24\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.ipv6_prefix = 64; },
       "  ~ setting ipv6_prefix: 128 → 64\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.always_allow = {*parse_network("192.0.2.0/28")}; },
       "  ~ setting always_allow: none → 192.0.2.0/28\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
      {[](Spec& spec) { spec.guards.kind = Guards::Kind::none; },
       "  ~ setting guards: 6 ports → 0 ports\n\nPlan: 0 to add, 1 to change, 0 to remove.\n"},
  };
  for (const Case& each : cases) CHECK(told_of(each.alter) == each.text);
}

TEST_CASE("explain: ports appear only when revealed") {
  const auto other_ports = [](Spec& spec) { spec.sequences[0].knock[1].port = 8001; };
  const std::string hidden = told_of(other_ports);
  for (const char* port : {"7000", "8000", "8001", "9000"}) CHECK(hidden.find(port) == std::string::npos);
  CHECK(told_of(other_ports, Ports::revealed) ==
        "  ~ sequence ssh: knock 7000/udp 8000/udp 9000/udp → 7000/udp 8001/udp 9000/udp\n"
        "\nPlan: 0 to add, 1 to change, 0 to remove.\n");
}

// Hooks look for other ports then, and a plan that says so would send its reader after somebody who changed
// them.
TEST_CASE("explain: sequences alone are named where the hooks follow from them") {
  const auto add = [](const std::string& rest) {
    return [rest](Spec& spec) {
      const Spec more =
          load({{Source::Kind::declaration, "t",
                 "knockwork: 1\nsequences:\n  - {name: more, knock: [7300/udp, 8300/udp], " + rest + "}\n"}});
      spec.sequences.push_back(more.sequences[0]);
    };
  };
  const auto many = [](Spec& spec) {
    std::string text = "knockwork: 1\nsequences:\n";
    for (int number = 0; number < 1100; ++number) {
      text += fmt::format("  - {{name: s{0}, knock: [{1}/udp, {2}/udp], opens: [22/tcp]}}\n", number,
                          11000 + number * 6, 11003 + number * 6);
    }
    for (const Sequence& each : load({{Source::Kind::declaration, "t", text}}).sequences)
      spec.sequences.push_back(each);
  };
  const std::vector<std::function<void(Spec&)>> cases{
      add("opens: [5000-5010/tcp]"), add("opens: [5000-5010/udp]"),
      add("opens: [80/tcp], to: [203.0.113.10]"),
      add("opens: [80/tcp], to: [\"2001:db8::1\"], on_expiry: cut"), many};
  for (const auto& change : cases) {
    const std::string text = told_of(change);
    CHECK(text.find("chain") == std::string::npos);
    CHECK(text.find("set ") == std::string::npos);
    CHECK(text.find("map ") == std::string::npos);
  }
}

TEST_CASE("explain: what a hand changed") {
  struct Case {
    std::function<void(LiveTable&)> alter;
    std::string line;
  };
  const std::vector<Case> cases{
      {[](LiveTable& table) { chain(table, "knock").rules.pop_back(); },
       "  ~ chain knock: its rules differ\n"},
      {[](LiveTable& table) {
         chain(table, "gate").hook = "type filter hook input priority filter; policy accept;";
       },
       "  ~ chain gate: its attributes differ\n"},
      {[](LiveTable& table) { set(table, "next").elements.pop_back(); },
       "  ~ sequence ssh: parts are missing\n"},
      {[](LiveTable& table) { set(table, "dispatch").elements.pop_back(); },
       "  ~ map dispatch: its elements differ\n"},
      {[](LiveTable& table) { set(table, "locked4").extra = {"timeout 1h"}; },
       "  ~ set locked4: its attributes differ\n"},
      {[](LiveTable& table) {
         set(table, "granted4").elements = {{"10.1.1.1 . 6 . 22", "", ""}};
       },
       "  ~ set granted4: its elements differ\n"},
      {[](LiveTable& table) {
         table.strangers = {{"counter", "hits"}};
       },
       "  - counter hits: not in this declaration\n"},
      {[](LiveTable& table) { table.extra = {"flags dormant"}; },
       "  ~ table knockwork: made dormant manually\n"},
  };
  for (const Case& each : cases) {
    const std::string text = told_of_hand(each.alter);
    CHECK(text.substr(0, text.find('\n') + 1) == each.line);
  }
}

namespace {

using spec::Scope;

// A declaration that says nothing of the key, or that says `line`.
Spec saying(const spec::Key& key, std::string_view value) {
  const std::string line = value.empty() ? "" : fmt::format("{}: {}\n", key.name, value);
  const bool top = key.scope == Scope::declaration, entry = key.scope == Scope::public_entry;
  std::string text = "knockwork: 1\n" + (top ? line : "");
  if (key.name == "public" || key.name == "ping" || entry) text += "mode: stealth\n";
  if (entry) text += "public:\n  - service: 53/udp\n" + (line.empty() ? "" : "    " + line);
  text += "sequences:\n  - name: ssh\n";
  if (key.name != "knock" || value.empty()) text += "    knock: [7100/udp, 8100/udp]\n";
  if ((key.name != "opens" && key.name != "closes") || value.empty()) text += "    opens: [23/tcp]\n";
  if (key.scope == Scope::sequence && !line.empty()) text += "    " + line;
  if (key.name == "closes") text += "  - {name: other, knock: [7200], opens: [24/tcp]}\n";
  return load({{Source::Kind::declaration, "t", text}});
}

std::string told_of_key(const spec::Key& key, std::string_view value) {
  FakeKernel kernel;
  told(kernel, saying(key, ""));
  return told(kernel, saying(key, value));
}

}  // namespace

TEST_CASE("explain: a key of a declaration that changes is named") {
  // Where the example is what there was before.
  const std::map<std::string_view, std::string_view> others{
      {"lockout", "7s"}, {"interface", "docker1"}, {"closes", "other"}};
  // These stand for something else: the version, a list that is explained by its entries, what is drawn
  // before.
  const auto stands_alone = [](const spec::Key& key) {
    return key.scope != Scope::derive && key.scope != Scope::token && key.name != "knockwork" &&
           key.name != "sequences" && key.name != "name" && key.name != "service" && key.name != "derive" &&
           key.name != "token";
  };
  for (const spec::Key& key : spec::all_keys()) {
    if (!stands_alone(key)) continue;
    const auto other = others.find(key.name);
    const std::string text = told_of_key(key, other == others.end() ? key.example : other->second);
    const std::string name(key.scope == Scope::public_entry ? "public" : key.name);
    INFO(key.name << ":\n" << text);
    CHECK(std::regex_search(text, std::regex(fmt::format("\\b{}\\b", name))));
    CHECK(text.find("rules differ") == std::string::npos);
    CHECK(text.find("elements differ") == std::string::npos);
  }
}
