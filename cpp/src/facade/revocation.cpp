#include "facade/revocation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ruleset/chains.hpp"
#include "ruleset/places.hpp"
#include "ruleset/severed.hpp"

namespace knockwork {
namespace {

using Keys = std::set<std::string>;  // "granted4 10.0.0.1 . 6 . 22"

constexpr const char* kGrants[] = {"granted", "ranged", "reached"};

std::string_view source_in(std::string_view key) { return key.substr(0, key.find(" . ")); }
std::string_view tail_of(std::string_view key) { return key.substr(source_in(key).size()); }
std::string_view last_in(std::string_view key) { return key.substr(key.rfind(' ') + 1); }

bool leads_to(const Track& track, const Service& service, const Flow& flow, const std::set<Network>& own) {
  if (service.protocol != flow.protocol || flow.port < service.first || service.last < flow.port)
    return false;
  if (track.to.empty()) return own.contains(flow.target);
  return std::any_of(track.to.begin(), track.to.end(),
                     [&](const Network& network) { return contains(network, flow.target); });
}

bool leads_to(const Track& track, const Flow& flow, const std::set<Network>& own) {
  return std::any_of(track.services.begin(), track.services.end(),
                     [&](const Service& service) { return leads_to(track, service, flow, own); });
}

std::string severed_key(const Flow& flow) {
  return fmt::format("{} . {} . {} . {} . {}", to_string(flow.source), flow.source_port,
                     to_string(flow.target), static_cast<int>(flow.protocol), flow.port);
}

class Taker {
 public:
  Taker(const LiveTable& live, const Retirement& what, const Program& stays, const Surroundings& surroundings)
      : live_(live),
        what_(what),
        stays_(stays),
        surroundings_(surroundings),
        here_(program_of(live.ruleset)) {
    for (const Track& track : what.tracks) {
      for (const Edge& edge : track.edges) edges_.insert(edge_key(edge.id));
      for (const Service& service : track.services) {
        const GrantKey key = grant_key(track, service);
        tails_[key.set].insert(key.tail);
      }
    }
  }

  Taken taken() {
    for (const char family : {'4', '6'}) {
      holders(family);
      grants(family);
      for (const char* set : {"expected", "begun"}) forget(std::string(set) + family, {});
    }
    connections();
    return std::move(taken_);
  }

 private:
  const std::vector<LiveElement>& elements(const std::string& set) const {
    static const std::vector<LiveElement> kNone;
    const auto found = live_.live.find(set);
    return found == live_.live.end() ? kNone : found->second;
  }

  bool is_source(std::string_view key) const {
    if (!what_.source) return true;
    const auto source = parse_network(source_in(key));
    return source && contains(widened(*what_.source, source_prefix(here_, what_.source->ipv6)), *source);
  }

  // Those whose key ends with an edge that is retired.
  bool is_retired(std::string_view key) const {
    return is_source(key) && (what_.all || edges_.contains(std::string(last_in(key))));
  }

  void forget(const std::string& set, const std::function<void(const LiveElement&)>& others) {
    ForgetElements action{set, {}};
    for (const LiveElement& element : elements(set)) {
      if (is_retired(element.key)) {
        action.keys.push_back(element.key);
      } else if (others) {
        others(element);
      }
    }
    if (!action.keys.empty()) taken_.elements.push_back(std::move(action));
  }

  // Whoever came by another sequence keeps what that one opened.
  void holders(char family) {
    const std::string set = std::string("holders") + family;
    for (const LiveElement& element : elements(set)) {
      if (!is_retired(element.key)) continue;
      taken_.changes.push_back({Change::Kind::remove, "grant",
                                shown_source(std::string(source_in(element.key)), here_),
                                fmt::format("by {}", name_of(last_in(element.key))), "", "revoked"});
    }
    forget(set, [&](const LiveElement& element) {
      for (const Track& track : here_.tracks) {
        if (edge_key(track.edges.back().id) != last_in(element.key)) continue;
        for (const Service& service : track.services) {
          const GrantKey key = grant_key(track, service);
          kept_.insert(fmt::format("{}{} {}{}", key.set, family, source_in(element.key), key.tail));
        }
      }
    });
  }

  void grants(char family) {
    for (const char* base : kGrants) {
      const std::string set = std::string(base) + family;
      ForgetElements action{set, {}};
      for (const LiveElement& element : elements(set)) {
        const std::string key = set + ' ' + element.key;
        const bool theirs = what_.all || tails_[base].contains(std::string(tail_of(element.key)));
        if (is_source(element.key) && theirs && !kept_.contains(key)) {
          action.keys.push_back(element.key);
        } else {
          remaining_.insert(key);
        }
      }
      if (!action.keys.empty()) taken_.elements.push_back(std::move(action));
    }
  }

  void connections() {
    std::map<Network, int> cut;
    std::map<char, CarryElements> severed;
    for (const Flow& flow : surroundings_.flows) {
      if (!ends(flow)) continue;
      const char family = flow.source.ipv6 ? '6' : '4';
      const std::string set = std::string("severed") + family;
      severed.try_emplace(family, CarryElements{set, {}})
          .first->second.elements.push_back({severed_key(flow), kSevered, kSevered});
      taken_.flows.push_back(flow);
      ++cut[flow.source];
    }
    for (auto& [family, action] : severed) taken_.severed.push_back(std::move(action));
    for (const auto& [source, number] : cut) {
      taken_.changes.push_back({Change::Kind::remove, "connections", to_string(source),
                                std::to_string(number), "", fmt::format("{} cut", number)});
    }
  }

  bool ends(const Flow& flow) {
    if (what_.source && !contains(*what_.source, flow.source)) return false;
    const std::vector<Track>& tracks = what_.all ? here_.tracks : what_.tracks;
    const auto goes_to = [&](const Track& track) { return leads_to(track, flow, surroundings_.own); };
    if (std::none_of(tracks.begin(), tracks.end(), goes_to) || surroundings_.own.contains(flow.source) ||
        std::any_of(stays_.always_allow.begin(), stays_.always_allow.end(),
                    [&](const Network& network) { return contains(network, flow.source); }) ||
        still_granted(flow) || is_severed(flow)) {
      return false;
    }
    const auto& operator_ = surroundings_.operator_;
    if (operator_ && operator_->client == flow.source && operator_->client_port == flow.source_port &&
        operator_->port == flow.port) {
      taken_.spared_operator = true;
      return false;
    }
    return true;
  }

  bool still_granted(const Flow& flow) const {
    const std::string source = source_of(flow.source, here_);
    return std::any_of(here_.tracks.begin(), here_.tracks.end(), [&](const Track& track) {
      return std::any_of(track.services.begin(), track.services.end(), [&](const Service& service) {
        if (!leads_to(track, service, flow, surroundings_.own)) return false;
        const GrantKey key = grant_key(track, service);
        return remaining_.contains(
            fmt::format("{}{} {}{}", key.set, flow.source.ipv6 ? '6' : '4', source, key.tail));
      });
    });
  }

  bool is_severed(const Flow& flow) const {
    const std::string key = severed_key(flow);
    const auto& all = elements(flow.source.ipv6 ? "severed6" : "severed4");
    return std::any_of(all.begin(), all.end(),
                       [&](const LiveElement& element) { return element.key == key; });
  }

  std::string name_of(std::string_view mark) const {
    for (const Track& track : here_.tracks) {
      if (edge_key(track.edges.back().id) == mark) return track.name;
    }
    return "a sequence that is gone";
  }

  const LiveTable& live_;
  const Retirement& what_;
  const Program& stays_;
  const Surroundings& surroundings_;
  Program here_;
  Keys edges_, kept_, remaining_;
  std::map<std::string, Keys> tails_;
  Taken taken_;
};

}  // namespace

GrantKey grant_key(const Track& track, const Service& service) {
  if (!track.to.empty()) {
    const auto [first, second] = door_marks({track.to, service});
    return {"reached", fmt::format(" . {} . {}", nft_mark(first), nft_mark(second))};
  }
  const bool single = service.first == service.last;
  return {single ? "granted" : "ranged",
          fmt::format(" . {} . {}", static_cast<int>(service.protocol),
                      single ? std::to_string(service.first) : nft_mark(range_id(service)))};
}

Taken taken(const LiveTable& live, const Retirement& what, const Program& stays,
            const Surroundings& surroundings) {
  return Taker(live, what, stays, surroundings).taken();
}

void take(Transaction& transaction, const Taken& taken, const Ruleset& goal) {
  for (const ForgetElements& action : taken.elements) {
    if (goal.set(action.set) != nullptr) transaction.actions.emplace_back(action);
  }
  for (const CarryElements& action : taken.severed) transaction.actions.emplace_back(action);
}

bool forget(Saved& saved, const Ruleset& ruleset, const Retirement& what) {
  LiveTable table;
  table.ruleset = ruleset;
  table.live.insert(saved.sets.begin(), saved.sets.end());
  const Taken theirs = taken(table, what, {}, {});
  for (const ForgetElements& action : theirs.elements) {
    std::erase_if(saved.sets.at(action.set), [&](const LiveElement& element) {
      return std::find(action.keys.begin(), action.keys.end(), element.key) != action.keys.end();
    });
  }
  return !theirs.elements.empty();
}

}  // namespace knockwork
