#include "ruleset/live/carried.hpp"

#include <algorithm>
#include <map>

#include "ruleset/on_demand/severed.hpp"

namespace knockwork {
namespace {

// The sets whose elements are an edge, or a source and an edge.
bool by_edge(std::string_view set) {
  return set.starts_with("expected") || set.starts_with("excused") || set.starts_with("begun") ||
         set == "spent" || set == "counted";
}

// Version 0.1.0 wrote edges as packet marks.
std::string carried_type(std::string type) {
  constexpr std::string_view kMark = " . mark";
  if (type == "mark") return "classid";
  if (type.ends_with(kMark) && type.find("mark") == type.size() - 4 &&
      type.find("inet_proto") == std::string::npos)
    type.replace(type.size() - 4, 4, "classid");
  return type;
}

std::string carried_key(const Set& wanted, std::string key) {
  if (!wanted.type.ends_with("classid")) return key;
  const std::size_t last = key.rfind(' ') + 1;
  if (const auto edge = parse_nft_mark(std::string_view(key).substr(last))) {
    key.replace(last, std::string::npos, edge_key(*edge));
  }
  return key;
}

}  // namespace

Carrier::Carrier(const Ruleset& wanted)
    : edges_(edge_keys(wanted)),
      once_(last_edge_keys_of_once(wanted)),
      prefix_(ipv6_prefix(wanted)),
      prefix4_(ipv4_prefix(wanted).value_or(32)) {}

bool Carrier::is_retired(std::string_view set, const LiveElement& element) const {
  if (!by_edge(set)) return false;
  const std::string_view edge = std::string_view(element.key).substr(element.key.rfind(' ') + 1);
  return !(set == "spent" ? once_ : edges_).contains(edge);
}

std::string Carrier::renamed(std::string_view set, const std::string& key) const {
  if (set.starts_with("severed")) return renamed_source(set, severed_key_of_today(key));
  const bool by_address = set.starts_with("spared") || set.starts_with("spoken") ||
                          set.starts_with("begins") || set.starts_with("flows");
  return by_address ? key : renamed_source(set, key);
}

std::string Carrier::renamed_source(std::string_view set, const std::string& key) const {
  const bool six = set.ends_with('6');
  if ((!six && !set.ends_with('4')) || !prefix_) return key;
  const bool lockout = set.starts_with("locked") || set.starts_with("strays");
  const std::size_t end = key.find(" . ");
  const auto source = parse_network(std::string_view(key).substr(0, end));
  const int whole = six ? 128 : 32;
  if (!source || source->prefix != whole || (lockout && key.starts_with("fe80:"))) return key;
  const int prefix = six ? *prefix_ : prefix4_;
  Network network = widened(*source, lockout && six ? std::min(64, prefix) : prefix);
  network.prefix = static_cast<std::uint8_t>(whole);
  return to_string(network) + (end == std::string::npos ? "" : key.substr(end));
}

std::vector<LiveElement> Carrier::renamed(const std::string& set,
                                          const std::vector<LiveElement>& elements) const {
  std::map<std::string, LiveElement> best;
  for (LiveElement element : elements) {
    if (is_retired(set, element)) continue;
    element.key = renamed(set, element.key);
    LiveElement& kept = best.try_emplace(element.key, element).first->second;
    if (element.expires > kept.expires) kept = element;
  }
  std::vector<LiveElement> all;
  all.reserve(best.size());
  for (auto& [key, element] : best) all.push_back(std::move(element));
  return all;
}

std::vector<LiveElement> Carrier::carried(const Set& live, const Set& wanted,
                                          const std::vector<LiveElement>& elements) const {
  const bool alike = carried_type(live.type) == wanted.type || wanted.name.starts_with("severed");
  if (!alike || !wanted.is_dynamic()) return {};
  std::vector<LiveElement> of_today = elements;
  for (LiveElement& element : of_today) element.key = carried_key(wanted, std::move(element.key));
  return renamed(wanted.name, of_today);
}

// Sessions older than the table may go on for a while by a segment that conntrack takes for new.
std::vector<LiveElement> Carrier::initial(std::string_view set) {
  constexpr std::chrono::hours kWhile{3};  // longer than tcp_keepalive_time of Linux
  if (set != "underway") return {};
  return {{"6", kWhile, kWhile}};
}

}  // namespace knockwork
