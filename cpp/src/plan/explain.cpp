#include "plan/explain.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "ruleset/decompile/settings.hpp"
#include "ruleset/live/edges.hpp"
#include "ruleset/objects.hpp"
#include "ruleset/on_demand/answers.hpp"

namespace knockwork {
namespace {

using Kind = Change::Kind;

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string or_none(const std::optional<Duration>& duration) {
  return duration ? to_string(*duration) : "none";
}

std::string listed(const std::vector<Network>& networks) {
  std::string text;
  for (const Network& network : networks) text += (text.empty() ? "" : ", ") + to_string(network);
  return text.empty() ? "anywhere" : text;
}

std::string names(const std::vector<std::string>& closed) {
  return closed.empty() ? "nothing" : fmt::format("{}", fmt::join(closed, ", "));
}

std::string places(const Track& track) { return track.to.empty() ? "this host" : listed(track.to); }

std::string or_any(int connections) { return connections == 0 ? "any number" : std::to_string(connections); }

std::string interfaces(const Track& track) {
  return track.on.empty() ? "all" : fmt::format("{}", fmt::join(track.on, ", "));
}

// Without fingerprints, both may be shown alike.
std::string difference(std::string_view key, const std::string& before, const std::string& after) {
  if (before == after) return fmt::format("{} differs", key);
  return fmt::format("{} {} → {}", key, before, after);
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

  void setting(std::string_view name, const std::string& before, const std::string& after, Cause cause) {
    if (before == after) return;
    causes_.insert(cause);
    add(Kind::change, "setting", std::string(name), before, after,
        fmt::format("{} → {}", before.empty() ? "none" : before, after.empty() ? "none" : after));
  }

  void settings() {
    if (!live_.extra.empty())
      add(Kind::change, "table", "knockwork", live_.extra.front(), "", "made dormant manually");
    const std::vector<LiveSetting> before = settings_of(live_.ruleset), after = settings_of(wanted_);
    for (std::size_t each = 0; each < after.size(); ++each)
      setting(after[each].name, before[each].value, after[each].value, after[each].cause);
    if (is_stealth(live_.ruleset) && is_stealth(wanted_))
      entries(public_entries(live_.ruleset), public_entries(wanted_));
  }

  // What stealth lets in by rules of its own.
  void entries(const PublicEntries& before, const PublicEntries& after) {
    const auto word = [](bool ping) { return std::string(ping ? "true" : "false"); };
    setting("ping", word(before.ping), word(after.ping), Cause::settings);
    if (before.rules == after.rules) return;
    causes_.insert(Cause::settings);
    const std::string one = counted(before.rules.size(), "rule"), other = counted(after.rules.size(), "rule");
    add(Kind::change, "setting", "public", one, other,
        one == other ? "its entries differ" : fmt::format("{} → {}", one, other));
  }

  void sequences() {
    std::map<std::string_view, const Track*> before;
    const std::vector<Track> live_tracks = decompile(live_.ruleset);
    for (const Track& track : live_tracks) before.emplace(track.name, &track);
    for (const Track& track : program_.tracks) {
      const auto found = before.find(track.name);
      if (found == before.end()) {
        if (in_pieces(track)) {
          add(Kind::change, "sequence", track.name, "incomplete", describe(track, shown_),
              "parts are missing");
        } else {
          add(Kind::add, "sequence", track.name, "", describe(track, shown_), "");
        }
        causes_.insert(Cause::sequences);
        continue;
      }
      if (const std::string why = what_changed(*found->second, track); !why.empty()) {
        add(Kind::change, "sequence", track.name, describe(*found->second, shown_), describe(track, shown_),
            why);
        causes_.insert(Cause::sequences);
      }
      before.erase(found);
    }
    for (const auto& [name, track] : before) {
      add(Kind::remove, "sequence", std::string(name), describe(*track, shown_), "", "");
      causes_.insert(Cause::sequences);
    }
    if (causes_.contains(Cause::sequences)) return;
    const LiveSetting guards = guards_of(wanted_);
    setting(guards.name, guards_of(live_.ruleset).value, guards.value, guards.cause);
  }

  // Whether the live maps still hold some of its edges: a hand took the others.
  bool in_pieces(const Track& track) const {
    return std::any_of(track.edges.begin(), track.edges.end(),
                       [this](const Edge& edge) { return has_edge(live_.ruleset, edge.id); });
  }

  static void grant_changes(std::vector<std::string>& parts, const Track& before, const Track& after) {
    if (before.connections != after.connections) {
      parts.push_back(
          fmt::format("connections {} → {}", or_any(before.connections), or_any(after.connections)));
    }
    if (before.once != after.once) parts.emplace_back(after.once ? "once" : "no longer once");
    if (before.prolong != after.prolong) parts.emplace_back(after.prolong ? "prolong" : "no longer prolong");
    if (before.cut != after.cut)
      parts.emplace_back(after.cut ? "on_expiry keep → cut" : "on_expiry cut → keep");
    if (before.open_for != after.open_for && before.closes.empty() && after.closes.empty()) {
      parts.push_back(fmt::format("open_for {} → {}", to_string(before.open_for), to_string(after.open_for)));
    }
  }

  std::string what_changed(const Track& before, const Track& after) const {
    std::vector<std::string> parts;
    if (before.token != after.token) {
      parts.emplace_back(after.token ? "knock → token" : "token → knock");
    } else if (after.token) {
      if (before.edges.front().id != after.edges.front().id) parts.emplace_back("new tokens");
    } else if (before.edges != after.edges) {
      parts.push_back(difference("knock", shown_.knocks(before), shown_.knocks(after)));
    }
    if (before.closes != after.closes) {
      parts.push_back(fmt::format("closes {} → {}", names(before.closes), names(after.closes)));
    }
    if (before.services != after.services) {
      parts.push_back(difference("opens", shown_.services(before.services), shown_.services(after.services)));
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
    if (before.on != after.on) {
      parts.push_back(fmt::format("interfaces {} → {}", interfaces(before), interfaces(after)));
    }
    grant_changes(parts, before, after);
    return fmt::format("{}", fmt::join(parts, ", "));
  }

  // Whether a difference in this object follows from one already explained.
  bool is_explained(std::string_view name) const {
    const Set* set = wanted_.set(name);
    if (causes_.contains(Cause::sources) && set != nullptr && set->is_dynamic()) return true;
    if (causes_.contains(Cause::settings) && follows_from(name, Cause::sequences)) return true;
    return std::any_of(causes_.begin(), causes_.end(),
                       [&](Cause cause) { return follows_from(name, cause); });
  }

  bool ports_changed() const { return causes_.contains(Cause::sequences) || causes_.contains(Cause::ports); }

  void object(Kind kind, std::string_view what, const std::string& name, std::string why) {
    if (is_explained(name)) return;
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
               is_answers(chain.name) ? "closed ports answer as this host does" : "not in this declaration");
      } else if (chain.hook != wanted->hook || chain.extra != wanted->extra) {
        object(Kind::change, "chain", chain.name, "its attributes differ");
      } else if (remembers_tokens(chain.name) && chain.rules != wanted->rules) {
        if (!is_explained(chain.name))
          add(Kind::change, "setting", "token", "as it is now", "as declared", kTokenTimes);
      } else if (chain.rules != wanted->rules &&
                 !(ports_changed() && differ_in_ports(chain.name, chain.rules, wanted->rules))) {
        object(Kind::change, "chain", chain.name, "its rules differ");
      }
    }
    for (const Chain& chain : wanted_.chains) {
      if (live_.ruleset.chain(chain.name) == nullptr) {
        object(Kind::add, "chain", chain.name,
               is_answers(chain.name) ? "another firewall decides how closed ports answer" : "missing");
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
        if (!causes_.contains(Cause::sequences) && !causes_.contains(Cause::settings))
          add(Kind::remove, std::string(left_in(forget->set)), forget->set, "as it is now", "",
              "without a sequence");
      }
    }
  }

  const LiveTable& live_;
  const Program& program_;
  const Ruleset& wanted_;
  const Transaction& transaction_;
  const Shown& shown_;
  std::set<Cause> causes_;  // of the differences told so far
  std::vector<Change> changes_;
};

std::string with(const std::string& what, const std::string& fingerprint) {
  return fingerprint.empty() ? what : what + ' ' + fingerprint;
}

}  // namespace

std::string describe(const Track& track, const Shown& shown) {
  const std::string how =
      track.token ? "token" : with(counted(track.edges.size(), "knock"), shown.knocks(track));
  std::string text =
      track.closes.empty()
          ? fmt::format("{}, opens {} for {}", how, shown.services(track.services), to_string(track.open_for))
          : fmt::format("{}, closes {}", how, names(track.closes));
  if (track.edges.size() > 1) text += ", step_timeout " + to_string(track.step_timeout);
  if (track.sequence_timeout) text += ", sequence_timeout " + to_string(*track.sequence_timeout);
  if (!track.from.empty()) text += ", from " + listed(track.from);
  if (!track.to.empty()) text += ", to " + listed(track.to);
  if (!track.on.empty()) text += ", interfaces " + interfaces(track);
  if (track.connections > 0)
    text += ", " + counted(static_cast<std::size_t>(track.connections), "connection");
  if (track.once) text += ", once";
  if (track.prolong) text += ", prolong";
  if (track.cut) text += ", on_expiry cut";
  return text;
}

std::vector<Change> explain(const LiveTable* live, const Program& program, const Ruleset& wanted,
                            const Transaction& transaction, const Shown& shown) {
  if (transaction.empty()) return {};
  if (live != nullptr) return Explainer(*live, program, wanted, transaction, shown).changes();
  std::vector<Change> changes{{Kind::add, "table", std::string(kTable), "", in_short(wanted), ""}};
  for (const Track& track : program.tracks) {
    changes.push_back({Kind::add, "sequence", track.name, "", describe(track, shown), ""});
  }
  return changes;
}

}  // namespace knockwork
