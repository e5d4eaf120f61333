#include "ruleset/live/kept.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_map>

#include "ruleset/live/edges.hpp"
#include "ruleset/on_demand/severed.hpp"
#include "ruleset/plain.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// Longer than any declaration and any grant by hand can say, and short enough to be added to.
constexpr milliseconds kLongest = std::chrono::hours(10 * 366 * 24);

constexpr std::array kKept{"granted", "ranged",  "reached", "holders", "renewed",
                           "spent",   "counted", "severed", "resumed", "spared"};

bool is_kept(std::string_view set) {
  return std::any_of(kKept.begin(), kKept.end(),
                     [set](std::string_view kept) { return set.starts_with(kept); });
}

// What a packet can have put into the set; nullopt where none can.
std::optional<LiveElement> read_element(const Set& set, const LiveElement& saved) {
  auto key = parse_key(set.type, saved.key);
  if (!key) return std::nullopt;
  if (set.keeps_for_good())
    return LiveElement{std::move(*key), milliseconds{0}, milliseconds{0}, saved.count};
  if (saved.timeout.count() <= 0 || saved.timeout > kLongest || saved.expires.count() < 0 ||
      saved.expires > saved.timeout) {
    return std::nullopt;
  }
  return LiveElement{std::move(*key), saved.timeout, saved.expires};
}

// As many as the set has room for, and of two that are one the longer time: more would be refused,
// and the whole table with it.
class Room {
 public:
  explicit Room(const Set& set) : size_(set.size), action_{set.name, {}} {}
  bool empty() const { return action_.elements.empty(); }
  CarryElements taken() { return std::move(action_); }
  void put(LiveElement element) {
    const auto [at, added] = places_.try_emplace(element.key, action_.elements.size());
    if (!added) {
      LiveElement& there = action_.elements[at->second];
      if (there.expires < element.expires) there = std::move(element);
    } else if (size_ == 0 || action_.elements.size() < size_) {
      action_.elements.push_back(std::move(element));
    } else {
      places_.erase(at);
    }
  }

 private:
  std::size_t size_;
  CarryElements action_;
  std::unordered_map<std::string, std::size_t> places_;
};

// As it is now, of what it was when it was saved; false where nothing of it is left.
bool lives_on(LiveElement& element, const Set& set, const EdgeKeys& edges, milliseconds passed) {
  if (set.keeps_for_good()) return edges.contains(element.key);
  element.expires -= passed;
  return passed.count() >= 0 && element.expires.count() > 0;
}

}  // namespace

LiveSets worth_keeping(const LiveTable& live) {
  LiveSets sets;
  for (const auto& [set, elements] : live.live) {
    if (is_kept(set) && !elements.empty()) sets.emplace(set, elements);
  }
  return sets;
}

bool any_severed(const LiveSets& sets) {
  return std::any_of(sets.begin(), sets.end(),
                     [](const auto& set) { return set.first.starts_with("severed"); });
}

Restored restored(const LiveSets& sets, const Ruleset& wanted, milliseconds passed) {
  const EdgeKeys all = edge_keys(wanted), once = last_edge_keys_of_once(wanted);
  Restored result;
  for (const auto& [name, elements] : sets) {
    const Set* set = wanted.set(name);
    if (set == nullptr || !is_kept(name)) continue;
    Room room(*set);
    for (LiveElement saved_element : elements) {
      if (name.starts_with("severed")) saved_element.key = severed_key_of_today(saved_element.key);
      std::optional<LiveElement> element = read_element(*set, saved_element);
      if (!element) {
        ++result.refused;
        continue;
      }
      if (lives_on(*element, *set, name == "spent" ? once : all, passed)) room.put(std::move(*element));
    }
    if (room.empty()) continue;
    result.actions.push_back(room.taken());
    if (name.starts_with("holders")) result.grants += result.actions.back().elements.size();
    if (name == "spent") result.spent += result.actions.back().elements.size();
  }
  return result;
}

Restored restored_beside(const LiveSets& sets, const Ruleset& wanted, milliseconds passed,
                         const LiveSets& there) {
  Restored result = restored(sets, wanted, passed);
  for (CarryElements& action : result.actions) {
    const auto stands = there.find(action.set);
    if (stands == there.end()) continue;
    std::set<std::string_view> present;
    for (const LiveElement& element : stands->second) present.insert(element.key);
    std::erase_if(action.elements, [&](const LiveElement& element) { return present.contains(element.key); });
  }
  std::erase_if(result.actions, [](const CarryElements& action) { return action.elements.empty(); });
  return result;
}

}  // namespace knockwork
