// A listing in words that no release has used so far: the library in use is asked what they mean.
#include <algorithm>

#include "catch.hpp"
#include "commit/spelling.hpp"
#include "fake_kernel.hpp"

using namespace knockwork;

namespace {

Ruleset wanted() {
  Spec spec;
  Sequence ssh;
  ssh.name = "ssh";
  ssh.knock = {{Protocol::udp, 7000}, {Protocol::udp, 8000}};
  ssh.opens = {{Protocol::tcp, 22, 22}};
  spec.sequences = {ssh};
  return compile(compile(spec));
}

// Of a release to come.
std::string spelling(std::string text) {
  if (text.starts_with("17 . ")) text.replace(0, 2, "udp");
  if (text.starts_with("tcp flags ")) text.replace(0, 9, "tcp bits");
  return text;
}

Set& dispatch(Ruleset& ruleset) {
  return *std::find_if(ruleset.sets.begin(), ruleset.sets.end(),
                       [](const Set& set) { return set.name == "dispatch"; });
}

LiveTable recognised(FakeKernel& kernel, const Ruleset& ruleset) {
  std::optional<LiveTable> live = kernel.read();
  recognise(*live, ruleset, kernel);
  return std::move(*live);
}

}  // namespace

TEST_CASE("spelling: what the library lists for our words means the same") {
  FakeKernel kernel;
  const Ruleset ours = wanted();
  kernel.commit(difference(nullptr, ours));
  kernel.spell(spelling);
  CHECK(kernel.read()->ruleset != ours);
  CHECK(recognised(kernel, ours).ruleset == ours);
}

TEST_CASE("spelling: where the words are ours nothing is asked") {
  FakeKernel kernel;
  const Ruleset ours = wanted();
  kernel.commit(difference(nullptr, ours));
  CHECK(recognised(kernel, ours).ruleset == ours);
  CHECK(kernel.questions() == 0);
}

TEST_CASE("spelling: what a hand did stays a difference in any words") {
  const std::vector<std::pair<std::string, std::function<void(Ruleset&)>>> deeds{
      {"a rule is gone", [](Ruleset& live) { live.chains.front().rules.pop_back(); }},
      {"a rule is added", [](Ruleset& live) { live.chains.front().rules.emplace_back("accept"); }},
      {"a rule is another",
       [](Ruleset& live) { live.chains.front().rules.front() = "tcp flags syn / syn accept"; }},
      {"an element is gone", [](Ruleset& live) { dispatch(live).elements.pop_back(); }},
      {"an element is added",
       [](Ruleset& live) {
         dispatch(live).elements.push_back({"6 . 23", "accept", ""});
       }},
      {"a chain is gone", [](Ruleset& live) { live.chains.erase(live.chains.begin()); }},
      {"a set has another size", [](Ruleset& live) { live.sets.back().size = 7; }},
      {"a set has another type", [](Ruleset& live) { live.sets.back().type = "mark"; }}};
  const Ruleset ours = wanted();
  for (const auto& [what, deed] : deeds) {
    INFO(what);
    FakeKernel kernel;
    kernel.commit(difference(nullptr, ours));
    kernel.spell(spelling);
    kernel.tamper([&deed = deed](std::optional<LiveTable>& table) { deed(table->ruleset); });
    LiveTable live = recognised(kernel, ours);
    CHECK_FALSE(difference(&live, ours).empty());
    if (what.find("element") != std::string::npos) continue;  // the fake knows its own words alone
    kernel.commit(difference(&live, ours));
    live = recognised(kernel, ours);
    CHECK(difference(&live, ours).empty());
  }
}

TEST_CASE("spelling: where no scratch table can be made, other words are a difference") {
  FakeKernel kernel;
  const Ruleset ours = wanted();
  kernel.commit(difference(nullptr, ours));
  kernel.spell(spelling);
  kernel.keep_to_itself();
  const LiveTable live = recognised(kernel, ours);
  CHECK_FALSE(difference(&live, ours).empty());
}
