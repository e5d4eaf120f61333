#include "plan/explain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace knockwork {
namespace {

using Kind = Change::Kind;

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

// The chains that follow from settings alone, whatever the sequences are.
constexpr std::array kSettingsChains{
    "answered", "closed",    "disguised", "door",   "elsewhere", "fire",    "follow",      "forward", "gate",
    "guard",    "input",     "judge",     "knock",  "knocked",   "known",   "lockout",     "muted",   "odd",
    "output",   "protected", "refusals",  "refuse", "rejected",  "segment", "turned_away", "wrong"};
// The maps and chains that follow from sequences, by name or by prefix.
constexpr std::array kSequenceObjects{
    "steps_",  "openers", "advance",  "timed",  "begun",   "next",   "from",      "dispatch", "ranges",
    "within_", "open_",   "range_",   "places", "reached", "to_",    "cut",       "once_",    "spent",
    "spender", "watched", "services", "door",   "segment", "excuse", "elsewhere", "forward",  "speak",
    "spoke",   "logged",  "underway", "output", "known",   "sever",  "readmitted"};

bool is_settings_chain(std::string_view name) {
  return std::find(kSettingsChains.begin(), kSettingsChains.end(), name) != kSettingsChains.end();
}

bool is_port_map(std::string_view name) {
  return name == "dispatch" || name == "ranges" || name.starts_with("door") || name.starts_with("watched");
}

bool is_sequence_object(std::string_view name) {
  return std::any_of(kSequenceObjects.begin(), kSequenceObjects.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string first_rule(const Ruleset& ruleset, std::string_view chain) {
  const Chain* found = ruleset.chain(chain);
  return found == nullptr || found->rules.empty() ? "" : found->rules.front();
}

std::string rule_with(const Ruleset& ruleset, std::string_view chain, std::string_view word) {
  const Chain* found = ruleset.chain(chain);
  if (found == nullptr) return "";
  const auto rule = std::find_if(found->rules.begin(), found->rules.end(), [&](const std::string& each) {
    return each.find(word) != std::string::npos;
  });
  return rule == found->rules.end() ? "" : *rule;
}

std::string mode_of(const Ruleset& ruleset) {
  const Chain* gate = ruleset.chain("gate");
  if (gate == nullptr) return "";
  return is_stealth(ruleset) ? "stealth" : "gate";
}

std::string refuse_of(const Ruleset& ruleset) {
  const std::string rule = first_rule(ruleset, "refuse");
  return rule.empty() ? "" : rule == "drop" ? "drop" : "reject";
}

std::string wrong_knock_of(const Ruleset& ruleset) {
  const std::string rule = rule_with(ruleset, "lockout", "@locked4");
  const std::size_t at = rule.find(" timeout ");
  if (at == std::string::npos) return ruleset.chain("harmless") != nullptr ? "ignore" : "";
  return "lockout for " + rule.substr(at + 9, rule.find(" }", at) - at - 9);
}

std::string sources_of(const Ruleset& ruleset) {
  const Set* set = ruleset.set("granted4");
  return set == nullptr ? "" : std::to_string(set->size);
}

std::string text_of(std::optional<int> prefix) { return prefix ? std::to_string(*prefix) : ""; }

std::string or_none(const std::optional<Duration>& duration) {
  return duration ? to_string(*duration) : "none";
}

std::string listed(const std::vector<Network>& networks) {
  std::string text;
  for (const Network& network : networks) text += (text.empty() ? "" : ", ") + to_string(network);
  return text.empty() ? "anywhere" : text;
}

std::string places(const Track& track) { return track.to.empty() ? "this host" : listed(track.to); }

bool has_places(const std::vector<Track>& tracks) {
  return std::any_of(tracks.begin(), tracks.end(), [](const Track& track) { return !track.to.empty(); });
}

std::string elements_of(const Ruleset& ruleset, std::initializer_list<const char*> names) {
  std::string text;
  for (const char* name : names) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    for (const Element& element : set->elements) text += (text.empty() ? "" : ", ") + element.key;
  }
  return text;
}

// How many ports `dispatch` and `ranges` send to a verdict; ports themselves stay hidden.
std::string ports_of(const Ruleset& ruleset, std::string_view verdict) {
  std::size_t number = 0;
  for (const char* name : {"dispatch", "ranges"}) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    number +=
        static_cast<std::size_t>(std::count_if(set->elements.begin(), set->elements.end(),
                                               [&](const Element& each) { return each.value == verdict; }));
  }
  return counted(number, "port");
}

class Explainer {
 public:
  Explainer(const LiveTable& live, const Program& program, const Ruleset& wanted,
            const Transaction& transaction, const Shown& shown)
      : live_(live), program_(program), wanted_(wanted), transaction_(transaction), shown_(shown) {}

  std::vector<Change> changes() {
    settings();
    sequences();
    objects();
    if (changes_.empty() && !transaction_.empty()) add(Kind::change, "table", "knockwork", "", "", "differs");
    return std::move(changes_);
  }

 private:
  void add(Kind kind, std::string object, std::string name, std::string before, std::string after,
           std::string why) {
    changes_.push_back(
        {kind, std::move(object), std::move(name), std::move(before), std::move(after), std::move(why)});
  }

  void setting(const std::string& name, std::string before, std::string after, bool* explains) {
    if (before == after) return;
    if (explains != nullptr) *explains = true;
    std::string why =
        fmt::format("{} → {}", before.empty() ? "none" : before, after.empty() ? "none" : after);
    add(Kind::change, "setting", name, std::move(before), std::move(after), std::move(why));
  }

  void settings() {
    const Ruleset& live = live_.ruleset;
    if (!live_.extra.empty())
      add(Kind::change, "table", "knockwork", live_.extra.front(), "", "made dormant manually");
    setting("mode", mode_of(live), mode_of(wanted_), &settings_changed_);
    setting("refuse", refuse_of(live), refuse_of(wanted_), &settings_changed_);
    setting("wrong_knock", wrong_knock_of(live), wrong_knock_of(wanted_), &settings_changed_);
    setting("sources", sources_of(live), sources_of(wanted_), &sources_changed_);
    setting("ipv4_prefix", text_of(ipv4_prefix(live)), text_of(ipv4_prefix(wanted_)), &settings_changed_);
    setting("ipv6_prefix", text_of(ipv6_prefix(live)), text_of(ipv6_prefix(wanted_)), &settings_changed_);
    setting("log", declared_log(live), declared_log(wanted_), &settings_changed_);
    setting("always_allow", elements_of(live, {"always_allow4", "always_allow6"}),
            elements_of(wanted_, {"always_allow4", "always_allow6"}), &always_allow_changed_);
    setting("interfaces", elements_of(live, {"interfaces"}), elements_of(wanted_, {"interfaces"}),
            &settings_changed_);
    setting("public", ports_of(live, "accept"), ports_of(wanted_, "accept"), &ports_changed_);
    if (is_stealth(live) && is_stealth(wanted_)) entries(public_entries(live), public_entries(wanted_));
  }

  // What stealth lets in by rules of its own.
  void entries(const PublicEntries& before, const PublicEntries& after) {
    const auto word = [](bool ping) { return std::string(ping ? "true" : "false"); };
    setting("ping", word(before.ping), word(after.ping), &settings_changed_);
    if (before.rules == after.rules) return;
    settings_changed_ = true;
    const std::string one = counted(before.rules.size(), "rule"), other = counted(after.rules.size(), "rule");
    add(Kind::change, "setting", "public", one, other,
        one == other ? "its entries differ" : fmt::format("{} → {}", one, other));
  }

  void sequences() {
    std::map<std::string_view, const Track*> before;
    const std::vector<Track> live_tracks = decompile(live_.ruleset);
    for (const Track& track : live_tracks) before.emplace(track.name, &track);
    places_changed_ = has_places(live_tracks) != has_places(program_.tracks);
    for (const Track& track : program_.tracks) {
      const auto found = before.find(track.name);
      if (found == before.end()) {
        if (in_pieces(track)) {
          add(Kind::change, "sequence", track.name, "incomplete", describe(track, shown_),
              "parts are missing");
        } else {
          add(Kind::add, "sequence", track.name, "", describe(track, shown_), "");
        }
        sequences_changed_ = true;
        continue;
      }
      if (const std::string why = what_changed(*found->second, track); !why.empty()) {
        add(Kind::change, "sequence", track.name, describe(*found->second, shown_), describe(track, shown_),
            why);
        sequences_changed_ = true;
      }
      before.erase(found);
    }
    for (const auto& [name, track] : before) {
      add(Kind::remove, "sequence", std::string(name), describe(*track, shown_), "", "");
      sequences_changed_ = true;
    }
    if (!sequences_changed_)
      setting("guards", ports_of(live_.ruleset, "goto guard"), ports_of(wanted_, "goto guard"),
              &ports_changed_);
  }

  // Whether the live maps still hold some of its edges: a hand took the others.
  bool in_pieces(const Track& track) const {
    return std::any_of(track.edges.begin(), track.edges.end(), [this](const Edge& edge) {
      const auto holds = [key = edge_key(edge.id)](const Set* set) {
        if (set == nullptr) return false;
        const auto at = std::lower_bound(set->elements.begin(), set->elements.end(), Element{key, "", ""});
        return at != set->elements.end() && at->key == key;
      };
      return holds(live_.ruleset.set("timed")) || holds(live_.ruleset.set("openers")) ||
             holds(live_.ruleset.set("advance"));
    });
  }

  std::string what_changed(const Track& before, const Track& after) const {
    std::vector<std::string> parts;
    if (before.edges != after.edges) {
      parts.push_back(fmt::format("knock {} → {}", shown_.knocks(before), shown_.knocks(after)));
    }
    if (before.services != after.services) {
      parts.push_back(
          fmt::format("opens {} → {}", shown_.services(before.services), shown_.services(after.services)));
    }
    // A single knock waits for nothing.
    if (after.edges.size() > 1 && before.edges.size() > 1 && before.step_timeout != after.step_timeout) {
      parts.push_back(
          fmt::format("step_timeout {} → {}", to_string(before.step_timeout), to_string(after.step_timeout)));
    }
    if (before.sequence_timeout != after.sequence_timeout) {
      parts.push_back(fmt::format("sequence_timeout {} → {}", or_none(before.sequence_timeout),
                                  or_none(after.sequence_timeout)));
    }
    if (before.from != after.from) {
      parts.push_back(fmt::format("from {} → {}", listed(before.from), listed(after.from)));
    }
    if (before.to != after.to) {
      parts.push_back(fmt::format("to {} → {}", places(before), places(after)));
    }
    if (before.once != after.once) parts.emplace_back(after.once ? "once" : "no longer once");
    if (before.cut != after.cut)
      parts.emplace_back(after.cut ? "on_expiry keep → cut" : "on_expiry cut → keep");
    if (before.open_for != after.open_for) {
      parts.push_back(fmt::format("open_for {} → {}", to_string(before.open_for), to_string(after.open_for)));
    }
    return fmt::format("{}", fmt::join(parts, ", "));
  }

  // Whether a difference in this object follows from one already told.
  bool told(std::string_view name) const {
    if (sources_changed_ && (wanted_.set(name) != nullptr && wanted_.set(name)->is_dynamic())) return true;
    if (always_allow_changed_ && (name.starts_with("always_allow") || is_settings_chain(name))) return true;
    if (ports_changed_ && is_port_map(name)) return true;
    if (places_changed_ && (name == "gate" || name == "input")) return true;
    if (settings_changed_ && (name == "interfaces" || name.starts_with("strays") || is_settings_chain(name)))
      return true;
    return (settings_changed_ || sequences_changed_) &&
           (is_sequence_object(name) || name == "knock" || name == "judge" || name == "muted" ||
            name.starts_with("fire") || name.starts_with("follow"));
  }

  void object(Kind kind, std::string_view what, const std::string& name, std::string why) {
    if (told(name)) return;
    add(kind, std::string(what), name, kind == Kind::add ? "" : "as it is now",
        kind == Kind::remove ? "" : "as declared", std::move(why));
  }

  void objects() {
    if (live_.ruleset.chains.empty() && live_.ruleset.sets.empty())
      return;  // all of it is new: sequences say it
    for (const Chain& chain : live_.ruleset.chains) {
      const Chain* wanted = wanted_.chain(chain.name);
      if (wanted == nullptr) {
        object(Kind::remove, "chain", chain.name,
               chain.name == "answers" ? "closed ports answer as this host does" : "not in this declaration");
      } else if (chain.hook != wanted->hook || chain.extra != wanted->extra) {
        object(Kind::change, "chain", chain.name, "its attributes differ");
      } else if (chain.rules != wanted->rules) {
        object(Kind::change, "chain", chain.name, "its rules differ");
      }
    }
    for (const Chain& chain : wanted_.chains) {
      if (live_.ruleset.chain(chain.name) == nullptr) {
        object(Kind::add, "chain", chain.name,
               chain.name == "answers" ? "another firewall decides how closed ports answer" : "missing");
      }
    }
    sets();
    for (const Stranger& stranger : live_.strangers) {
      object(Kind::remove, stranger.kind, stranger.name, "not in this declaration");
    }
    half_done();
  }

  void sets() {
    for (const Set& set : live_.ruleset.sets) {
      const Set* wanted = wanted_.set(set.name);
      const std::string what = set.is_map() ? "map" : "set";
      if (wanted == nullptr) {
        object(Kind::remove, what, set.name, "not in this declaration");
      } else if (!wanted->same_shape(set) || wanted->size != set.size) {
        object(Kind::change, what, set.name, "its attributes differ");
      } else if (wanted->elements != set.elements) {
        object(Kind::change, what, set.name, "its elements differ");
      }
    }
    for (const Set& set : wanted_.sets) {
      if (live_.ruleset.set(set.name) == nullptr)
        object(Kind::add, set.is_map() ? "map" : "set", set.name, "missing");
    }
  }

  // Expected steps that lead nowhere are the one thing that can differ alone.
  void half_done() {
    for (const Action& action : transaction_.actions) {
      if (const auto* forget = std::get_if<ForgetElements>(&action)) {
        if (!sequences_changed_ && !settings_changed_)
          add(Kind::remove, forget->set == "spent" ? "spent uses" : "half-finished sequences", forget->set,
              "as it is now", "", "without a sequence");
      }
    }
  }

  const LiveTable& live_;
  const Program& program_;
  const Ruleset& wanted_;
  const Transaction& transaction_;
  const Shown& shown_;
  bool settings_changed_ = false, sources_changed_ = false, always_allow_changed_ = false,
       ports_changed_ = false, sequences_changed_ = false, places_changed_ = false;
  std::vector<Change> changes_;
};

}  // namespace

std::string describe(const Track& track, const Shown& shown) {
  std::string text =
      fmt::format("{} {}, opens {} for {}", counted(track.edges.size(), "knock"), shown.knocks(track),
                  shown.services(track.services), to_string(track.open_for));
  if (track.edges.size() > 1) text += ", step_timeout " + to_string(track.step_timeout);
  if (track.sequence_timeout) text += ", sequence_timeout " + to_string(*track.sequence_timeout);
  if (!track.from.empty()) text += ", from " + listed(track.from);
  if (!track.to.empty()) text += ", to " + listed(track.to);
  if (track.once) text += ", once";
  if (track.cut) text += ", on_expiry cut";
  return text;
}

std::vector<Change> explain(const LiveTable* live, const Program& program, const Ruleset& wanted,
                            const Transaction& transaction, const Shown& shown) {
  if (transaction.empty()) return {};
  if (live != nullptr) return Explainer(*live, program, wanted, transaction, shown).changes();
  std::vector<Change> changes{
      {Kind::add, "table", "inet knockwork", "",
       fmt::format("mode {}, wrong_knock {}", mode_of(wanted), wrong_knock_of(wanted)), ""}};
  for (const Track& track : program.tracks) {
    changes.push_back({Kind::add, "sequence", track.name, "", describe(track, shown), ""});
  }
  return changes;
}

}  // namespace knockwork
