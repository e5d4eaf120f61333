#include "ruleset/revocation/revocation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "ruleset/decompile/program_of.hpp"
#include "ruleset/live/entries.hpp"
#include "ruleset/live/forgotten.hpp"
#include "ruleset/on_demand/severed.hpp"
#include "ruleset/revocation/openers.hpp"

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

class Revoker {
 public:
  Revoker(const LiveTable& live, const Retirement& what, const Program& stays, const Traffic& traffic)
      : live_(live),
        what_(what),
        stays_(stays),
        traffic_(traffic),
        here_(program_of(live.ruleset)),
        revoked_(what.all ? here_.tracks : what.tracks),
        all_(here_.tracks) {
    for (const Track& track : what.tracks) {
      for (const Edge& edge : track.edges) edges_.insert(edge_key(edge.id));
      for (const GrantKey& key : grant_keys(track)) {
        tails_[key.set].insert(key.tail);
      }
    }
  }

  Revoked revoked() {
    for (const char family : {'4', '6'}) {
      holders(family);
      grants(family);
      for (const char* set : {"expected", "begun", "renewed"}) forget(std::string(set) + family, {});
    }
    note_severed();
    connections();
    return std::move(result_);
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
    std::vector<LiveElement> gone;
    for (const LiveElement& element : elements(set)) {
      if (is_retired(element.key)) {
        gone.push_back(element);
      } else if (others) {
        others(element);
      }
    }
    if (!gone.empty()) result_.elements.push_back(forgetting(set, std::move(gone)));
  }

  // Whoever came by another sequence keeps what that one opened.
  void holders(char family) {
    const std::string set = std::string("holders") + family;
    for (const LiveElement& element : elements(set)) {
      if (!is_retired(element.key)) continue;
      const auto source = parse_network(source_in(element.key));
      const auto edge = parse_edge_key(last_in(element.key));
      if (source && edge) result_.ended.push_back({*source, *edge, element.timeout, element.expires});
    }
    forget(set, [&](const LiveElement& element) {
      for (const Track& track : here_.tracks) {
        if (edge_key(track.edges.back().id) != last_in(element.key)) continue;
        for (const GrantKey& key : grant_keys(track)) {
          kept_.insert(fmt::format("{}{} {}{}", key.set, family, source_in(element.key), key.tail));
        }
      }
    });
  }

  void grants(char family) {
    for (const char* base : kGrants) {
      const std::string set = std::string(base) + family;
      std::vector<LiveElement> gone;
      for (const LiveElement& element : elements(set)) {
        const std::string key = set + ' ' + element.key;
        const bool theirs = what_.all || tails_[base].contains(std::string(tail_of(element.key)));
        if (is_source(element.key) && theirs && !kept_.contains(key)) {
          gone.push_back(element);
        } else {
          remaining_.insert(key);
        }
      }
      if (!gone.empty()) result_.elements.push_back(forgetting(set, std::move(gone)));
    }
  }

  void connections() {
    std::map<Pair, bool> known;
    std::map<bool, std::vector<Pair>> pairs;  // by family
    for (const Flow& flow : traffic_.flows) {
      if (!is_source(flow.source)) continue;
      const Pair pair{source_of(flow.source, here_), flow.target, {flow.protocol, flow.port, flow.port}};
      const auto [at, first_time] = known.try_emplace(pair);
      if (first_time) at->second = ends(pair);
      if (!at->second || goes_on(flow.source) || is_operators(flow, pair)) continue;
      std::vector<Pair>& family = pairs[flow.source.ipv6];
      if (family.empty() || family.back() != pair) family.push_back(pair);
      result_.flows.push_back(flow);
      ++result_.cut[flow.source];
    }
    for (auto& [ipv6, all] : pairs) sever(ipv6, std::move(all));
  }

  // By pairs where there is room for them, else the services as a whole.
  void sever(bool ipv6, std::vector<Pair> pairs) {
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    Keys by_source, by_service;
    std::vector<std::string> resumed;
    for (const Pair& pair : pairs) {
      std::string key = severed_key(pair.source, pair.target, pair.service);
      if (resumed_.contains(key)) resumed.push_back(key);
      by_source.insert(std::move(key));
      by_service.insert(severed_for_all_key(ipv6, pair.service));
    }
    const bool fits = elements(severed_set(ipv6)).size() + by_source.size() <= kMostSevered;
    const CarryElements services = severing(std::string(kSeveredForAll), by_service);
    result_.severed.push_back(fits ? severing(severed_set(ipv6), by_source) : services);
    result_.severed_services.push_back(services);
    result_.for_all = result_.for_all || !fits;
    if (!resumed.empty()) result_.elements.push_back({resumed_set(ipv6), std::move(resumed)});
    if (!spared_[ipv6].empty()) result_.spared.push_back(severing(spared_set(ipv6), spared_[ipv6]));
  }

  static CarryElements severing(std::string set, const Keys& keys) {
    CarryElements action{std::move(set), {}};
    for (const std::string& key : keys) action.elements.push_back({key, kSevered, kSevered});
    return action;
  }

  // Of anybody's connections: whether they are to a service that is taken back from this source.
  bool ends(const Pair& pair) {
    const auto goes_to = [&](const Openers::Use& use) {
      return leads_to(*use.track, pair.target, traffic_.own);
    };
    const auto& uses = revoked_.of(pair.service.protocol, pair.service.first);
    return std::any_of(uses.begin(), uses.end(), goes_to) && !still_granted(pair) && !is_severed(pair);
  }

  // Whose connections are nobody's to take back.
  bool goes_on(const Network& source) const {
    return is_own(traffic_.own, source) ||
           std::any_of(stays_.always_allow.begin(), stays_.always_allow.end(),
                       [&](const Network& network) { return contains(network, source); });
  }

  bool is_operators(const Flow& flow, const Pair& pair) {
    const auto& operator_ = traffic_.operator_;
    if (!operator_ || flow.protocol != Protocol::tcp || operator_->client != flow.source ||
        operator_->client_port != flow.source_port || operator_->port != flow.port) {
      return false;
    }
    result_.spared_operator = true;
    spared_[flow.source.ipv6].insert(spared_key(flow.source, flow.source_port, pair.service));
    return true;
  }

  bool still_granted(const Pair& pair) {
    const auto& uses = all_.of(pair.service.protocol, pair.service.first);
    return std::any_of(uses.begin(), uses.end(), [&](const Openers::Use& use) {
      if (!leads_to(*use.track, pair.target, traffic_.own)) return false;
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

  const LiveTable& live_;
  const Retirement& what_;
  const Program& stays_;
  const Traffic& traffic_;
  Program here_;
  Openers revoked_, all_;
  Keys edges_, kept_, remaining_, severed_, resumed_;
  std::map<bool, Keys> spared_;  // by family
  std::map<std::string, Keys> tails_;
  Revoked result_;
};

}  // namespace

Revoked revoked(const LiveTable& live, const Retirement& what, const Program& stays, const Traffic& traffic) {
  return Revoker(live, what, stays, traffic).revoked();
}

void add(Transaction& transaction, const Revoked& revoked, Severing severing, const Ruleset& target) {
  // A place that nobody declares any longer is open to all: there is nothing to sever.
  const auto put = [&](const auto& actions) {
    for (const auto& action : actions) {
      if (target.set(action.set) != nullptr) transaction.actions.emplace_back(action);
    }
  };
  put(revoked.elements);
  put(severing == Severing::by_source ? revoked.severed : revoked.severed_services);
  put(revoked.spared);
}

bool forget(LiveSets& sets, const Ruleset& ruleset, const Retirement& what) {
  LiveTable table;
  table.ruleset = ruleset;
  table.live = sets;
  const Revoked theirs = revoked(table, what, {}, {});
  for (const ForgetElements& action : theirs.elements) {
    std::erase_if(sets.at(action.set), [&](const LiveElement& element) {
      return std::find(action.keys.begin(), action.keys.end(), element.key) != action.keys.end();
    });
  }
  return !theirs.elements.empty();
}

Retirement retired(const LiveTable& live, const Program& wanted) {
  Retirement retirement;
  for (Track& track : decompile(live.ruleset)) {
    const bool stays = std::any_of(wanted.tracks.begin(), wanted.tracks.end(), [&](const Track& other) {
      return other.edges == track.edges && other.services == track.services && other.to == track.to &&
             other.on == track.on && other.connections == track.connections;
    });
    if (!stays) retirement.tracks.push_back(std::move(track));
  }
  return retirement;
}

}  // namespace knockwork
