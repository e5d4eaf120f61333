#include "facade/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "facade/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "spec/json_text.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::array kKept{"granted", "ranged", "reached", "holders", "spent", "severed"};

std::filesystem::path path() { return std::filesystem::path(kStateDirectory) / "state.json"; }

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

}  // namespace

milliseconds wall_clock() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

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
    Saved saved{milliseconds(value.at("saved_at_ms").get<std::int64_t>()), {}};
    for (const auto& [set, elements] : value.at("sets").items()) {
      for (const json& element : elements) {
        saved.sets[set].push_back({element.at(0).get<std::string>(),
                                   milliseconds(element.at(1).get<std::int64_t>()),
                                   milliseconds(element.at(2).get<std::int64_t>())});
      }
    }
    return saved;
  } catch (const json::exception&) {  // its text may quote the file
    throw SystemError(fmt::format(
        "{} is damaged and left out: sources that were in must knock again, and `once` sequences count as "
        "unspent",
        path().string()));
  }
}

std::vector<CarryElements> restored(const Saved& saved, const Ruleset& wanted, milliseconds now) {
  const milliseconds passed = now - saved.at;
  const std::set<std::string> once = once_edges(wanted);
  std::vector<CarryElements> actions;
  for (const auto& [name, elements] : saved.sets) {
    const Set* set = wanted.set(name);
    if (set == nullptr || !is_kept(name)) continue;
    CarryElements action{name, {}};
    for (LiveElement element : elements) {
      if (set->keeps_for_good()) {
        if (!once.contains(element.key)) continue;
      } else {
        element.expires -= passed;
        if (passed.count() < 0 || element.expires.count() <= 0 || element.expires > element.timeout) continue;
      }
      action.elements.push_back(std::move(element));
    }
    if (!action.elements.empty()) actions.push_back(std::move(action));
  }
  return actions;
}

void write_saved(const Saved& saved) { write_file(path(), to_json(saved)); }

std::optional<Saved> read_saved() {
  const std::optional<std::string> text = read_file(path());
  return text ? std::optional(parse_saved(*text)) : std::nullopt;
}

}  // namespace knockwork
