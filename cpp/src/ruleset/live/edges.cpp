#include "ruleset/live/edges.hpp"

#include <algorithm>
#include <array>

namespace knockwork {
namespace {

constexpr std::array kMaps{"openers", "advance", "timed"};  // edge → where firing it leads

template <typename Use>
void for_each_edge(const Ruleset& ruleset, Use use) {
  for (const char* map : kMaps) {
    const Set* set = ruleset.set(map);
    if (set == nullptr) continue;
    for (const Element& element : set->elements) use(element);
  }
}

}  // namespace

EdgeKeys edge_keys(const Ruleset& ruleset) {
  EdgeKeys keys;
  for_each_edge(ruleset, [&](const Element& element) { keys.insert(element.key); });
  return keys;
}

EdgeKeys last_edge_keys_of_once(const Ruleset& ruleset) {
  EdgeKeys keys;
  for_each_edge(ruleset, [&](const Element& element) {
    if (element.value.find("once_") != std::string::npos) keys.insert(element.key);
  });
  return keys;
}

bool has_edge(const Ruleset& ruleset, EdgeId edge) {
  const std::string key = edge_key(edge);
  return std::any_of(kMaps.begin(), kMaps.end(), [&](const char* map) {
    const Set* set = ruleset.set(map);
    if (set == nullptr) return false;
    const auto at = std::lower_bound(set->elements.begin(), set->elements.end(), Element{key, "", ""});
    return at != set->elements.end() && at->key == key;
  });
}

}  // namespace knockwork
