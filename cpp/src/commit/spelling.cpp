#include "commit/spelling.hpp"

#include <algorithm>

namespace knockwork {
namespace {

using Elements = std::vector<Element>;

Elements without(const Elements& elements, const Elements& others) {
  Elements rest;
  std::set_difference(elements.begin(), elements.end(), others.begin(), others.end(),
                      std::back_inserter(rest));
  return rest;
}

// Every set, for rules name them, with at most `most` of the elements that the listing lacks; every
// chain, for rules and elements lead to them, with the rules of those that differ.
Ruleset question(const Ruleset& live, const Ruleset& wanted, std::size_t most) {
  Ruleset asked = wanted;
  for (Set& set : asked.sets) {
    const Set* listed = live.set(set.name);
    set.elements = listed == nullptr ? Elements{} : without(set.elements, listed->elements);
    set.elements.resize(std::min(set.elements.size(), most));
  }
  for (Chain& chain : asked.chains) {
    const Chain* listed = live.chain(chain.name);
    if (listed == nullptr || listed->rules == chain.rules) chain.rules.clear();
  }
  return asked;
}

bool any_difference(const Ruleset& live, const Ruleset& wanted) {
  const auto differs = [](const auto* listed, const auto& object) {
    return listed != nullptr && *listed != object;
  };
  return std::any_of(wanted.chains.begin(), wanted.chains.end(),
                     [&](const Chain& chain) { return differs(live.chain(chain.name), chain); }) ||
         std::any_of(wanted.sets.begin(), wanted.sets.end(),
                     [&](const Set& set) { return differs(live.set(set.name), set); });
}

bool same_elements(const Ruleset& asked, const Ruleset& answer) {
  return std::all_of(asked.sets.begin(), asked.sets.end(), [&](const Set& set) {
    const Set* listed = answer.set(set.name);
    return listed != nullptr && listed->elements == set.elements;
  });
}

void recognise_chain(Chain& live, const Chain& wanted, const Chain& listed) {
  if (live.hook == listed.hook) live.hook = wanted.hook;
  if (live.rules == listed.rules && !listed.rules.empty()) live.rules = wanted.rules;
}

void recognise_set(Set& live, const Set& wanted, const Elements& asked, const Set& listed) {
  if (live.same_shape(listed)) {
    live.type = wanted.type;
    live.flags = wanted.flags;
    live.extra = wanted.extra;
  }
  if (asked == listed.elements || !std::includes(live.elements.begin(), live.elements.end(),
                                                 listed.elements.begin(), listed.elements.end()))
    return;
  live.elements = without(live.elements, listed.elements);
  live.elements.insert(live.elements.end(), asked.begin(), asked.end());
  std::sort(live.elements.begin(), live.elements.end());
}

}  // namespace

void recognise(LiveTable& live, const Ruleset& wanted, Kernel& kernel) {
  constexpr std::size_t kSample = 8;  // the elements of one set are spelled alike
  if (!any_difference(live.ruleset, wanted)) return;
  Ruleset asked = question(live.ruleset, wanted, kSample);
  std::optional<Ruleset> answer = kernel.as_listed(asked);
  if (answer && !same_elements(asked, *answer)) {
    asked = question(live.ruleset, wanted, SIZE_MAX);
    answer = kernel.as_listed(asked);
  }
  if (!answer) return;
  for (Chain& chain : live.ruleset.chains) {
    const Chain *ours = wanted.chain(chain.name), *listed = answer->chain(chain.name);
    if (ours != nullptr && listed != nullptr) recognise_chain(chain, *ours, *listed);
  }
  for (Set& set : live.ruleset.sets) {
    const Set *ours = wanted.set(set.name), *listed = answer->set(set.name);
    if (ours != nullptr && listed != nullptr)
      recognise_set(set, *ours, asked.set(set.name)->elements, *listed);
  }
}

}  // namespace knockwork
