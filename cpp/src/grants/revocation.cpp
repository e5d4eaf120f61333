#include "grants/revocation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ruleset/compile/chains.hpp"
#include "ruleset/compile/places.hpp"
#include "ruleset/on_demand/severed.hpp"

namespace knockwork {
namespace {

using Keys = std::set<std::string>;  // "granted4 10.0.0.1 . 6 . 22"

constexpr const char* kGrants[] = {"granted", "ranged", "reached"};

std::string_view source_in(std::string_view key) { return key.substr(0, key.find(" . ")); }
std::string_view tail_of(std::string_view key) { return key.substr(source_in(key).size()); }
std::string_view last_in(std::string_view key) { return key.substr(key.rfind(' ') + 1); }

bool is_own(const std::set<Network>& own, const Network& address) {
  return own.contains(address) ||
         std::any_of(own.begin(), own.end(), [&](const Network& each) { return contains(each, address); });
}

bool leads_to(const Track& track, const Network& target, const std::set<Network>& own) {
  if (track.to.empty()) return is_own(own, target);
  return std::any_of(track.to.begin(), track.to.end(),
                     [&](const Network& network) { return contains(network, target); });
}

// A source and a service where it is: what one element severs.
struct Pair {
  Network source;  // as the sets name it
  Network target;
  Service service;
  auto operator<=>(const Pair&) const = default;
};

// Which tracks open a port, asked of many flows.
class Openers {
 public:
  struct Use {
    const Track* track;
    Service service;
  };

  explicit Openers(const std::vector<Track>& tracks) : tracks_(tracks) {
    for (const Track& track : tracks) {
      for (const Service& service : track.services) {
        std::vector<bool>& open = open_[service.protocol];
        open.resize(65536);
        std::fill(open.begin() + service.first, open.begin() + service.last + 1, true);
      }
    }
  }

  const std::vector<Use>& of(Protocol protocol, std::uint16_t port) {
    static const std::vector<Use> kNone;
    const auto open = open_.find(protocol);
    if (open == open_.end() || !open->second[port]) return kNone;
    const auto [at, first_time] = uses_.try_emplace({protocol, port});
    for (std::size_t each = 0; first_time && each < tracks_.size(); ++each) {
      for (const Service& service : tracks_[each].services) {
        if (service.protocol == protocol && service.first <= port && port <= service.last)
          at->second.push_back({&tracks_[each], service});
      }
    }
    return at->second;
  }

 private:
  const std::vector<Track>& tracks_;
  std::map<Protocol, std::vector<bool>> open_;
  std::map<std::pair<Protocol, std::uint16_t>, std::vector<Use>> uses_;
};

class Taker {
 public:
  Taker(const LiveTable& live, const Retirement& what, const Program& stays, const Surroundings& surroundings,
        Fit fit)
      : live_(live),
        what_(what),
        stays_(stays),
        surroundings_(surroundings),
        fit_(fit),
        here_(program_of(live.ruleset)),
        revoked_(what.all ? here_.tracks : what.tracks),
        all_(here_.tracks) {
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
    note_severed();
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
    return source && is_source(*source);
  }

  bool is_source(const Network& source) const {
    return !what_.source ||
           contains(widened(*what_.source, source_prefix(here_, what_.source->ipv6)), source);
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
    std::map<Pair, bool> known;
    std::map<bool, std::vector<Pair>> pairs;  // by family
    for (const Flow& flow : surroundings_.flows) {
      if (!is_source(flow.source)) continue;
      const Pair pair{masked(flow.source), flow.target, {flow.protocol, flow.port, flow.port}};
      const auto [at, first_time] = known.try_emplace(pair);
      if (first_time) at->second = ends(pair);
      if (!at->second || goes_on(flow.source) || is_operators(flow, pair)) continue;
      std::vector<Pair>& family = pairs[flow.source.ipv6];
      if (family.empty() || family.back() != pair) family.push_back(pair);
      taken_.flows.push_back(flow);
      ++cut[flow.source];
    }
    for (auto& [ipv6, all] : pairs) sever(ipv6, std::move(all));
    for (const auto& [source, number] : cut) {
      taken_.changes.push_back({Change::Kind::remove, "connections", to_string(source),
                                std::to_string(number), "", fmt::format("{} cut", number)});
    }
  }

  Network masked(const Network& source) const {
    Network network = widened(source, source_prefix(here_, source.ipv6));
    network.prefix = source.ipv6 ? 128 : 32;
    return network;
  }

  // By pairs where there is room for them, else the services as a whole.
  void sever(bool ipv6, std::vector<Pair> pairs) {
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    const std::size_t there = elements(severed_set(ipv6)).size();
    const bool fits = fit_ == Fit::by_source && there + pairs.size() <= kMostSevered;
    Keys keys;
    CarryElements action{fits ? severed_set(ipv6) : std::string(kSeveredForAll), {}};
    for (const Pair& pair : pairs) {
      const std::string key = severed_key(pair.source, pair.target, pair.service);
      if (resumed_.contains(key)) forgotten_[resumed_set(ipv6)].push_back(key);
      keys.insert(fits ? key : severed_for_all_key(ipv6, pair.service));
    }
    for (const std::string& key : keys) action.elements.push_back({key, kSevered, kSevered});
    taken_.for_all = taken_.for_all || !fits;
    taken_.severed.push_back(std::move(action));
    if (auto& forgotten = forgotten_[resumed_set(ipv6)]; !forgotten.empty())
      taken_.elements.push_back({resumed_set(ipv6), std::move(forgotten)});
    if (!spared_[ipv6].empty()) {
      CarryElements spared{spared_set(ipv6), {}};
      for (const std::string& key : spared_[ipv6]) spared.elements.push_back({key, kSevered, kSevered});
      taken_.severed.push_back(std::move(spared));
    }
  }

  // Of anybody's connections: whether they are to a service that is taken back from this source.
  bool ends(const Pair& pair) {
    const auto goes_to = [&](const Openers::Use& use) {
      return leads_to(*use.track, pair.target, surroundings_.own);
    };
    const auto& uses = revoked_.of(pair.service.protocol, pair.service.first);
    return std::any_of(uses.begin(), uses.end(), goes_to) && !still_granted(pair) && !is_severed(pair);
  }

  // Whose connections are nobody's to take back.
  bool goes_on(const Network& source) const {
    return is_own(surroundings_.own, source) ||
           std::any_of(stays_.always_allow.begin(), stays_.always_allow.end(),
                       [&](const Network& network) { return contains(network, source); });
  }

  bool is_operators(const Flow& flow, const Pair& pair) {
    const auto& operator_ = surroundings_.operator_;
    if (!operator_ || flow.protocol != Protocol::tcp || operator_->client != flow.source ||
        operator_->client_port != flow.source_port || operator_->port != flow.port) {
      return false;
    }
    taken_.spared_operator = true;
    spared_[flow.source.ipv6].insert(spared_key(flow.source, flow.source_port, pair.service));
    return true;
  }

  bool still_granted(const Pair& pair) {
    const auto& uses = all_.of(pair.service.protocol, pair.service.first);
    return std::any_of(uses.begin(), uses.end(), [&](const Openers::Use& use) {
      if (!leads_to(*use.track, pair.target, surroundings_.own)) return false;
      const GrantKey key = grant_key(*use.track, use.service);
      return remaining_.contains(
          fmt::format("{}{} {}{}", key.set, pair.source.ipv6 ? '6' : '4', to_string(pair.source), key.tail));
    });
  }

  bool is_severed(const Pair& pair) const {
    const std::string key = severed_key(pair.source, pair.target, pair.service);
    return severed_.contains(key) ||
           (severed_.contains(severed_for_all_key(pair.source.ipv6, pair.service)) &&
            !resumed_.contains(key));
  }

  void note_severed() {
    for (const bool ipv6 : {false, true}) {
      for (const LiveElement& element : elements(severed_set(ipv6))) severed_.insert(element.key);
      for (const LiveElement& element : elements(resumed_set(ipv6))) resumed_.insert(element.key);
    }
    for (const LiveElement& element : elements(std::string(kSeveredForAll))) severed_.insert(element.key);
  }

  std::string name_of(std::string_view mark) const {
    for (const Track& track : here_.tracks) {
      if (edge_key(track.edges.back().id) == mark) return track.name;
    }
    return "a removed sequence";
  }

  const LiveTable& live_;
  const Retirement& what_;
  const Program& stays_;
  const Surroundings& surroundings_;
  Fit fit_;
  Program here_;
  Openers revoked_, all_;
  Keys edges_, kept_, remaining_, severed_, resumed_;
  std::map<std::string, std::vector<std::string>> forgotten_;
  std::map<bool, Keys> spared_;  // by family
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
            const Surroundings& surroundings, Fit fit) {
  return Taker(live, what, stays, surroundings, fit).taken();
}

void take(Transaction& transaction, const Taken& taken, const Ruleset& goal) {
  for (const ForgetElements& action : taken.elements) {
    if (goal.set(action.set) != nullptr) transaction.actions.emplace_back(action);
  }
  // A place that nobody declares any longer is open to all: there is nothing to sever.
  for (const CarryElements& action : taken.severed) {
    if (goal.set(action.set) != nullptr) transaction.actions.emplace_back(action);
  }
}

bool forget(Saved& saved, const Ruleset& ruleset, const Retirement& what) {
  LiveTable table;
  table.ruleset = ruleset;
  table.live.insert(saved.sets.begin(), saved.sets.end());
  const Taken theirs = taken(table, what, {}, {}, Fit::by_source);
  for (const ForgetElements& action : theirs.elements) {
    std::erase_if(saved.sets.at(action.set), [&](const LiveElement& element) {
      return std::find(action.keys.begin(), action.keys.end(), element.key) != action.keys.end();
    });
  }
  return !theirs.elements.empty();
}

}  // namespace knockwork
