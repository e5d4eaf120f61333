#include "records/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "ruleset/on_demand/severed.hpp"
#include "ruleset/plain.hpp"
#include "text/json_text.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Longer than any declaration and any grant by hand can say, and short enough to be added to.
constexpr milliseconds kLongest = std::chrono::hours(10 * 366 * 24);
constexpr std::int64_t kLatest = std::int64_t{1} << 50;  // milliseconds since the epoch

constexpr std::array kKept{"granted", "ranged",  "reached", "holders",
                           "spent",   "severed", "resumed", "spared"};

std::filesystem::path path() { return std::filesystem::path(kStateDirectory) / "state.json"; }

[[noreturn]] void refuse_damaged() {
  throw SystemError(fmt::format(
      "{} is damaged and was ignored: sources with a grant must knock again, and `once` sequences count as "
      "unspent",
      path().string()));
}

bool is_kept(std::string_view set) {
  return std::any_of(kKept.begin(), kKept.end(),
                     [set](std::string_view kept) { return set.starts_with(kept); });
}

// The last edges of `once` sequences.
std::set<std::string> once_edges(const Ruleset& ruleset) {
  std::set<std::string> edges;
  for (const char* map : {"openers", "advance", "timed"}) {
    const Set* set = ruleset.set(map);
    if (set == nullptr) continue;
    for (const Element& element : set->elements) {
      if (element.value.find("once_") != std::string::npos) edges.insert(element.key);
    }
  }
  return edges;
}

// What a packet can have put into the set; nullopt where none can.
std::optional<LiveElement> read_element(const Set& set, const LiveElement& saved) {
  auto key = parse_key(set.type, saved.key);
  if (!key) return std::nullopt;
  if (set.keeps_for_good()) return LiveElement{std::move(*key), milliseconds{0}, milliseconds{0}};
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

}  // namespace

Saved worth_saving(const LiveTable& live, milliseconds now) {
  Saved saved{now, {}};
  for (const auto& [set, elements] : live.live) {
    if (is_kept(set) && !elements.empty()) saved.sets.emplace(set, elements);
  }
  return saved;
}

std::string to_json(const Saved& saved) {
  json sets = json::object();
  for (const auto& [set, elements] : saved.sets) {
    for (const LiveElement& element : elements) {
      sets[set].push_back({element.key, element.timeout.count(), element.expires.count()});
    }
  }
  return json_text(json{{"knockwork", 1}, {"saved_at_ms", saved.at.count()}, {"sets", sets}}) + '\n';
}

Saved parse_saved(const std::string& text) {
  try {
    const json value = json::parse(text);
    const auto at = value.at("saved_at_ms").get<std::int64_t>();
    if (at < 0 || at > kLatest) refuse_damaged();
    Saved saved{milliseconds(at), {}};
    for (const auto& [set, elements] : value.at("sets").items()) {
      for (const json& element : elements) {
        saved.sets[set].push_back({element.at(0).get<std::string>(),
                                   milliseconds(element.at(1).get<std::int64_t>()),
                                   milliseconds(element.at(2).get<std::int64_t>())});
      }
    }
    return saved;
  } catch (const json::exception&) {  // its text may quote the file
    refuse_damaged();
  }
}

namespace {

// As it is now, of what it was when it was saved; false where nothing of it is left.
bool lives_on(LiveElement& element, const Set& set, const std::set<std::string>& once, milliseconds passed) {
  if (set.keeps_for_good()) return once.contains(element.key);
  element.expires -= passed;
  return passed.count() >= 0 && element.expires.count() > 0;
}

}  // namespace

Restored restored(const Saved& saved, const Ruleset& wanted, milliseconds now) {
  const milliseconds passed = now - saved.at;
  const std::set<std::string> once = once_edges(wanted);
  Restored result;
  for (const auto& [name, elements] : saved.sets) {
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
      if (lives_on(*element, *set, once, passed)) room.put(std::move(*element));
    }
    if (!room.empty()) result.actions.push_back(room.taken());
  }
  return result;
}

void tell_refused(const Restored& restored, std::vector<std::string>& warnings) {
  if (restored.refused == 0) return;
  warnings.push_back(fmt::format("{}: {} of its entries {} not a source or sequence and {} ignored",
                                 path().string(), restored.refused, restored.refused == 1 ? "is" : "are",
                                 restored.refused == 1 ? "is" : "are"));
}

void write_saved(const Saved& saved) { write_file(path(), to_json(saved)); }

std::optional<Saved> read_saved() {
  const std::optional<std::string> text = read_file(path());
  return text ? std::optional(parse_saved(*text)) : std::nullopt;
}

std::optional<Saved> read_saved(std::vector<std::string>& warnings) {
  try {
    return read_saved();
  } catch (const SystemError& error) {
    warnings.emplace_back(error.what());
    return std::nullopt;
  }
}

}  // namespace knockwork
