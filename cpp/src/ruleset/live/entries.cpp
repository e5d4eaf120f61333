#include "ruleset/live/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "ruleset/compile/chains.hpp"
#include "ruleset/places/places.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kSpent = "spent", kSpending = "spending", kCounted = "counted";

const std::vector<LiveElement>& elements(const LiveSets& sets, std::string_view set) {
  static const std::vector<LiveElement> kNone;
  const auto found = sets.find(set);
  return found == sets.end() ? kNone : found->second;
}

std::string of_family(std::string_view set, bool ipv6) { return fmt::format("{}{}", set, ipv6 ? 6 : 4); }

std::optional<Network> source_in(std::string_view key) {
  return parse_network(key.substr(0, key.find(" . ")));
}

std::optional<Admission> read_admission(const LiveElement& element) {
  const std::string_view key = element.key;
  const auto source = source_in(key);
  const auto edge = parse_edge_key(key.substr(key.rfind(' ') + 1));
  if (!source || !edge) return std::nullopt;
  return Admission{*source, *edge, element.timeout, element.expires};
}

// One element for each source, but where one stands for as long already.
void put(Transaction& transaction, const LiveTable& live, const std::string& set,
         const std::vector<Network>& sources, const std::string& tail, milliseconds until) {
  std::set<std::string> lasting;
  for (const LiveElement& each : elements(live.live, set)) {
    if (each.expires >= until) lasting.insert(each.key);
  }
  ForgetElements forget{set, {}};
  CarryElements carry{set, {}};
  for (const Network& source : sources) {
    const std::string key = to_string(source) + tail;
    if (lasting.contains(key)) continue;
    forget.keys.push_back(key);
    carry.elements.push_back({key, until, until});
  }
  if (forget.keys.empty()) return;
  transaction.actions.emplace_back(std::move(forget));
  transaction.actions.emplace_back(std::move(carry));
}

// Of the sequences whose grants a later one of another sequence may shorten: where these stand.
std::map<EdgeId, std::vector<GrantKey>> shortened(const Program& program) {
  std::map<std::string, std::set<Duration>> times;  // of a grant that several sequences give
  for (const Track& track : program.tracks) {
    for (const GrantKey& key : grant_keys(track)) times[key.set + key.tail].insert(track.open_for);
  }
  const auto shared = [&](const GrantKey& key) { return times[key.set + key.tail].size() > 1; };
  std::map<EdgeId, std::vector<GrantKey>> keys;
  for (const Track& track : program.tracks) {
    const std::vector<GrantKey> all = grant_keys(track);
    if (std::all_of(all.begin(), all.end(), shared)) keys.emplace(track.edges.back().id, all);
  }
  return keys;
}

}  // namespace

std::vector<Admission> admissions(const LiveTable& live) {
  std::vector<Admission> all;
  for (const bool ipv6 : {false, true}) {
    for (const LiveElement& element : elements(live.live, of_family("holders", ipv6))) {
      if (const auto admission = read_admission(element)) all.push_back(*admission);
    }
  }
  return all;
}

std::vector<Admission> open_admissions(const LiveTable& live, const Program& program) {
  const std::map<EdgeId, std::vector<GrantKey>> keys = shortened(program);
  std::vector<Admission> admitted = admissions(live);
  if (keys.empty()) return admitted;
  std::unordered_map<std::string, milliseconds> open;
  for (const char* set : {"granted", "ranged", "reached"}) {
    for (const bool ipv6 : {false, true}) {
      for (const LiveElement& element : elements(live.live, of_family(set, ipv6)))
        open.emplace(set + element.key, element.expires);
    }
  }
  for (Admission& each : admitted) {
    const auto its = keys.find(each.edge);
    if (its == keys.end()) continue;
    milliseconds longest{0};
    for (const GrantKey& key : its->second) {
      const auto found = open.find(key.set + to_string(each.source) + key.tail);
      if (found != open.end()) longest = std::max(longest, found->second);
    }
    each.expires = std::min(each.expires, longest);
  }
  std::erase_if(admitted, [](const Admission& each) { return each.expires == milliseconds{0}; });
  return admitted;
}

std::set<EdgeId> ended_by_packets(const Program& program) {
  std::set<std::string> closed;
  for (const Track& track : program.tracks) closed.insert(track.closes.begin(), track.closes.end());
  std::set<EdgeId> ended;
  for (const auto& [edge, keys] : shortened(program)) {
    if (!keys.empty()) ended.insert(edge);  // one that closes others gives no grant
  }
  for (const Track& track : program.tracks) {
    if (track.connections > 0 || closed.contains(track.name)) ended.insert(track.edges.back().id);
  }
  return ended;
}

std::vector<LockedSource> lockouts(const LiveTable& live) {
  std::map<Network, milliseconds> longest;
  for (const char* set : {"locked", "strays"}) {
    for (const bool ipv6 : {false, true}) {
      for (const LiveElement& element : elements(live.live, of_family(set, ipv6))) {
        const auto source = source_in(element.key);
        if (!source) continue;
        milliseconds& time = longest[*source];
        time = std::max(time, element.expires);
      }
    }
  }
  std::vector<LockedSource> all;
  all.reserve(longest.size());
  for (const auto& [source, time] : longest) all.push_back({source, time});
  return all;
}

std::size_t half_done(const LiveTable& live, const Program& program) {
  std::unordered_map<EdgeId, EdgeId> last_of;
  for (const Track& track : program.tracks) {
    for (const Edge& edge : track.edges) last_of.emplace(edge.id, track.edges.back().id);
  }
  std::set<std::pair<Network, EdgeId>> inside;
  for (const Admission& each : admissions(live)) inside.emplace(each.source, each.edge);
  std::set<Network> sources;
  for (const bool ipv6 : {false, true}) {
    for (const LiveElement& element : elements(live.live, of_family("expected", ipv6))) {
      const auto step = read_admission(element);
      if (!step) continue;
      const auto last = last_of.find(step->edge);
      if (last == last_of.end() || !inside.contains({step->source, last->second}))
        sources.insert(step->source);
    }
  }
  return sources.size();
}

std::set<EdgeId> spent(const LiveTable& live) {
  std::set<EdgeId> edges;
  for (const LiveElement& element : elements(live.live, kSpent)) {
    if (const auto edge = parse_edge_key(element.key)) edges.insert(*edge);
  }
  return edges;
}

std::map<EdgeId, std::uint64_t> counted_grants(const LiveSets& sets) {
  std::map<EdgeId, std::uint64_t> counts;
  for (const LiveElement& element : elements(sets, kCounted)) {
    if (const auto edge = parse_edge_key(element.key)) counts[*edge] = element.count.value_or(0);
  }
  return counts;
}

const Track* track_of(const Program& program, EdgeId last) {
  const auto found = std::find_if(program.tracks.begin(), program.tracks.end(),
                                  [last](const Track& track) { return track.edges.back().id == last; });
  return found == program.tracks.end() ? nullptr : &*found;
}

bool holds_grant(const LiveSets& sets, const Program& program, const Connection& connection) {
  const bool ipv6 = connection.client.ipv6;
  const std::string source = to_string(source_of(connection.client, program)) + " . 6 . ";
  const std::string exact = source + std::to_string(connection.port);
  const auto any = [&](const char* set, const auto& such) {
    const auto& all = elements(sets, of_family(set, ipv6));
    return std::any_of(all.begin(), all.end(), such);
  };
  const std::string address = to_string(source_of(connection.client, program));
  for (const Track& track : program.tracks) {  // by whichever interface the client comes
    if (!track.to.empty() || !is_conditional(track)) continue;
    for (const Service& service : track.services) {
      const std::string key = address + grant_key(track, service).tail;
      if (covers({service}, connection.port) &&
          any("reached", [&](const LiveElement& element) { return element.key == key; }))
        return true;
    }
  }
  return any("granted", [&](const LiveElement& element) { return element.key == exact; }) ||
         any("ranged", [&](const LiveElement& element) { return element.key.starts_with(source); });
}

std::vector<Admission> admissions_of(const LiveTable& live, const Program& program,
                                     const Connection& connection) {
  std::set<EdgeId> leading;
  for (const Track& track : program.tracks) {
    if (track.to.empty() && covers(track.services, connection.port)) leading.insert(track.edges.back().id);
  }
  std::vector<Admission> all = admissions(live);
  const Network source = source_of(connection.client, program);
  std::erase_if(all,
                [&](const Admission& each) { return each.source != source || !leading.contains(each.edge); });
  return all;
}

GrantKey grant_key(const Track& track, const Service& service) {
  if (!track.to.empty() || is_conditional(track)) {
    const auto [first, second] = door_marks(door_of(track, service));
    return {"reached", fmt::format(" . {} . {}", nft_mark(first), nft_mark(second))};
  }
  const bool single = service.first == service.last;
  return {single ? "granted" : "ranged",
          fmt::format(" . {} . {}", static_cast<int>(service.protocol),
                      single ? std::to_string(service.first) : nft_mark(range_id(service)))};
}

std::vector<GrantKey> grant_keys(const Track& track) {
  std::vector<GrantKey> keys;
  for (const Service& service : track.services) keys.push_back(grant_key(track, service));
  for (int number = 1; number <= track.connections; ++number) {
    const auto [first, second] = connection_marks(door_of(track, track.services.front()), number);
    keys.push_back({"reached", fmt::format(" . {} . {}", nft_mark(first), nft_mark(second))});
  }
  return keys;
}

Transaction admit(const LiveTable& live, const Track& track, const std::vector<Network>& sources,
                  milliseconds until) {
  Transaction transaction;
  const bool ipv6 = !sources.empty() && sources.front().ipv6;
  const std::string edge = " . " + edge_key(track.edges.back().id);
  put(transaction, live, of_family("holders", ipv6), sources, edge, until);
  // Use would shorten a longer grant to what it renews it to.
  const milliseconds renewed(renewed_for(track.open_for).milliseconds());
  if (track.prolong && until > renewed) {
    put(transaction, live, of_family("renewed", ipv6), sources, edge, until - renewed);
  }
  for (const GrantKey& where : grant_keys(track)) {
    put(transaction, live, of_family(where.set, ipv6), sources, where.tail, until);
  }
  return transaction;
}

Transaction renew_uses(const LiveTable& live, const std::vector<EdgeId>& edges) {
  const std::set<EdgeId> used = spent(live);
  ForgetElements forget{std::string(kSpent), {}};
  for (const EdgeId edge : edges) {
    if (used.contains(edge)) forget.keys.push_back(edge_key(edge));
  }
  if (forget.keys.empty()) return {};
  Transaction renewal{{std::move(forget)}};
  if (live.ruleset.set(kSpending) != nullptr) renewal.actions.emplace_back(EmptySet{std::string(kSpending)});
  return renewal;
}

}  // namespace knockwork
