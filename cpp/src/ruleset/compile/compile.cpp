// Program → Ruleset: the constant program.
//
// The chains are the same for one sequence and for ten thousand; sequences are
// elements of maps. A packet to a port that concerns nobody costs one look at a bitmap
// (`watched`); a knock costs one more for every use of its port. Sets that packets fill
// only grow and expire: a rule that deletes an element leaves it in its bucket until the
// next collection.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ruleset/compile/chains.hpp"
#include "ruleset/compile/port_sets.hpp"
#include "ruleset/compile/rulebook.hpp"
#include "ruleset/places/places.hpp"
#include "ruleset/ruleset.hpp"
#include "ruleset/tokens.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

std::string port_key(Knock knock) {
  return std::to_string(static_cast<int>(knock.protocol)) + " . " + std::to_string(knock.port);
}

// A segment may be one port wide; nftables then lists it as one port.
std::string range_key(const Service& range) {
  const std::string first = port_key({range.protocol, range.first});
  return range.first == range.last ? first : first + '-' + std::to_string(range.last);
}

Set dynamic_set(std::string name, std::string type, std::uint32_t size) {
  return {std::move(name), std::move(type), {"dynamic", "timeout"}, {}, size, {}};
}

Set static_set(std::string name, std::string type, std::vector<Element> elements = {}) {
  sort(elements);
  return {std::move(name), std::move(type), {}, {}, 0, std::move(elements)};
}

Set interval_set(std::string name, std::string type, std::vector<Element> elements) {
  Set set = static_set(std::move(name), std::move(type), std::move(elements));
  set.flags = {"interval"};
  return set;
}

// Keys that may be ranges or networks. Where none is, a hash finds them in a fraction of the
// time that intervals take, and every packet asks.
Set span_set(std::string name, std::string type, std::vector<Element> elements) {
  const bool spans = std::any_of(elements.begin(), elements.end(), [](const Element& element) {
    return element.key.find_first_of("/-") != std::string::npos;
  });
  return (spans ? interval_set : static_set)(std::move(name), std::move(type), std::move(elements));
}

// Of two packets that add the same element on two processors at once, one alone gets past the `add`.
constexpr const char* kOnce = "limit rate 1/week burst 1 packets";

// Nothing in them follows from the declaration: tokens.hpp.
void add_token_sets(std::vector<Set>& sets, const Program& program) {
  if (!has_tokens(program)) return;
  sets.push_back({std::string(kTokens), "typeof @th,64,128 : meta priority", {"timeout"}, {}, 0, {}});
  sets.push_back(
      {std::string(kClaimed), "typeof @th,64,128", {"dynamic", "timeout"}, {kOnce}, kMostUsedTokens, {}});
  sets.push_back({std::string(kUsed), "typeof @th,64,128", {"dynamic", "timeout"}, {}, kMostUsedTokens, {}});
  sets.push_back({std::string(kGood), "typeof meta time", {"interval"}, {}, 0, {}});
}

constexpr std::uint32_t kMostSpent = 1U
                                     << 20;  // far more than sequences: one that cannot be spent stays shut

constexpr std::uint32_t kMostCounted = 1U << 16;  // sequences; more than these are not counted

// What packets fill, for both families.
void add_dynamic_sets(std::vector<Set>& sets, const Program& program) {
  for (const auto& [family, type] : {std::pair{'4', "ipv4_addr"}, std::pair{'6', "ipv6_addr"}}) {
    const auto add = [&, digit = family, address = type](const std::string& name, std::string_view rest) {
      sets.push_back(dynamic_set(name + digit, fmt::format("{}{}", address, rest), program.sources));
    };
    add("expected", " . classid");
    if (program.lockout) add("excused", " . classid");
    if (has_sequence_timeouts(program)) add("begun", " . classid");
    add("granted", " . inet_proto . inet_service");
    add("ranged", " . inet_proto . mark");
    if (!remote_doors(program).empty() || !conditional_doors(program).empty())
      add("reached", " . mark . mark");
    if (has_spoken(program))
      add("spoken", fmt::format(" . inet_service . {} . inet_service . inet_proto", type));
    add("holders", " . classid");
    if (has_prolong(program)) add("renewed", " . classid");
    add("locked", "");
    if (program.mode == Mode::stealth && program.lockout) add("strays", "");
  }
  if (has_once(program)) {
    sets.push_back({"spent", "classid", {"dynamic"}, {}, kMostSpent, {}});
    sets.push_back({"spending", "classid", {"dynamic", "timeout"}, {kOnce}, kMostCounted, {}});
  }
  sets.push_back({"counted", "classid", {"dynamic"}, {}, kMostCounted, {}});
  // One element per family; room for those that expired and are not yet collected.
  sets.push_back(dynamic_set("overflow", "nf_proto", 128));
  if (!remote_doors(program).empty()) sets.push_back(dynamic_set("underway", "inet_proto", 128));
}

// Map number n holds every port's n-th use. Within a sequence later steps come
// first in number, and the chain asks higher numbers first: so one packet
// cannot take a step and, through a later rule, the step after it.
std::vector<Set> steps_maps(const Program& program) {
  std::map<Knock, std::size_t> uses;
  std::vector<std::vector<Element>> layers(1);
  for (const Track& track : program.tracks) {
    if (track.token) continue;
    for (const Edge& edge : track.edges) {
      const std::size_t layer = uses[edge.knock]++;
      if (layer == layers.size()) layers.emplace_back();
      layers[layer].push_back({port_key(edge.knock), edge_key(edge.id), {}});
    }
  }
  std::vector<Set> maps;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    maps.push_back(
        static_set(steps_map(layer), "inet_proto . inet_service : classid", std::move(layers[layer])));
  }
  return maps;
}

void add_edge_maps(std::vector<Set>& sets, const Program& program) {
  std::vector<Element> openers, advance, timed, next, logged;
  for (const Track& track : program.tracks) {
    for (std::size_t step = 0; step < track.edges.size(); ++step) {
      const bool last = step + 1 == track.edges.size();
      const std::string key = edge_key(track.edges[step].id);
      std::vector<Element>& later = track.sequence_timeout ? timed : advance;
      (step == 0 ? openers : later)
          .push_back({key, "goto " + firing_chain(track, step), last ? track.name : ""});
      if (!last) next.push_back({key, edge_key(track.edges[step + 1].id), {}});
      if (last && program.log != Log::none && track.closes.empty())
        logged.push_back({key, nft_mark(track.edges[step].id), {}});
    }
  }
  sets.push_back(static_set("openers", "classid : verdict", std::move(openers)));
  sets.push_back(static_set("advance", "classid : verdict", std::move(advance)));
  if (!timed.empty()) sets.push_back(static_set("timed", "classid : verdict", std::move(timed)));
  sets.push_back(static_set("next", "classid : classid", std::move(next)));
  if (!logged.empty()) sets.push_back(static_set("logged", "classid : mark", std::move(logged)));
}

bool in_segment(const std::vector<Segment>& segments, const Service& service) {
  return std::any_of(segments.begin(), segments.end(), [&](const Segment& segment) {
    return segment.span.protocol == service.protocol && segment.span.first <= service.first &&
           service.first <= segment.span.last;
  });
}

void add_dispatch(std::vector<Set>& sets, const Program& program) {
  const std::vector<Segment> segments = segment_ranges(program);
  std::vector<Element> ports, ranges;
  for (const Knock& knock : knock_ports(program)) ports.push_back({port_key(knock), "goto knock", {}});
  for (const Knock& port : token_ports(program)) ports.push_back({port_key(port), "goto token", {}});
  for (const Knock& guard : program.guards) ports.push_back({port_key(guard), "goto guard", {}});
  for (const Service& service : protected_services(program)) {
    if (service.first == service.last && !in_segment(segments, service)) {
      ports.push_back({port_key({service.protocol, service.first}), "goto protected", {}});
    }
  }
  // Where refused connections end, among all ports.
  const Knock turned_away{Protocol::tcp, kClosedPort};
  const std::vector<Knock> closed = closed_ports(program), knocks = knock_ports(program);
  const auto is_in = [&](const std::vector<Knock>& all) {
    return std::binary_search(all.begin(), all.end(), turned_away);
  };
  if (program.mode == Mode::gate && is_in(closed) && !is_in(knocks) && !is_in(program.guards))
    ports.push_back({port_key(turned_away), "accept", {}});
  for (const Service& service : program.public_services) {
    if (service.first == service.last) {
      ports.push_back({port_key({service.protocol, service.first}), "accept", {}});
    } else {
      ranges.push_back({range_key(service), "accept", {}});
    }
  }
  for (const Segment& segment : segments) {
    (segment.ranges.empty() ? ports : ranges)
        .push_back({range_key(segment.span), "goto " + segment_chain(segment), {}});
  }
  sets.push_back(static_set("dispatch", "inet_proto . inet_service : verdict", std::move(ports)));
  sets.push_back(interval_set("ranges", "inet_proto . inet_service : verdict", std::move(ranges)));
}

// What `input` asks about: each protected service, and in stealth what is open to all.
void add_doors(std::vector<Set>& sets, const Program& program) {
  const std::vector<Segment> segments = segment_ranges(program);
  const std::vector<Service> cut = cut_services(program);
  const bool any_lasts = has_prolong(program);
  std::vector<Element> ports, ranges;
  for (const Segment& segment : segments) {
    (segment.ranges.empty() ? ports : ranges)
        .push_back({range_key(segment.span), "goto " + door_segment_chain(segment), {}});
  }
  for (const Service& service : protected_services(program)) {
    if (service.first != service.last || in_segment(segments, service)) continue;
    const bool ends = std::binary_search(cut.begin(), cut.end(), service);
    const bool lasts = any_lasts && !prolonging(program, {{}, service}).empty();
    ports.push_back({range_key(service),
                     lasts  ? "goto " + lasting_chain(service)
                     : ends ? "goto cut_door"
                            : "goto door",
                     {}});
  }
  // Nothing listens there for the gate, which has turned away what a socket would hear.
  for (const Knock& port : closed_ports(program)) {
    ports.push_back({port_key(port), program.mode == Mode::gate ? "accept" : "goto door", {}});
  }
  for (const Service& service : program.public_services) {
    (service.first == service.last ? ports : ranges).push_back({range_key(service), "accept", {}});
  }
  sets.push_back(static_set("doors", "inet_proto . inet_service : verdict", std::move(ports)));
  sets.push_back(interval_set("door_ranges", "inet_proto . inet_service : verdict", std::move(ranges)));
}

// Where connections end with their grants.
void add_cut(std::vector<Set>& sets, const Program& program) {
  const std::vector<Service> cut = cut_services(program);
  if (cut.empty()) return;
  std::vector<Element> elements;
  const std::vector<Segment> segments = segment_ranges(program);
  for (const Segment& segment : segments) {
    if (is_cut(cut, segment)) {
      elements.push_back({range_key(segment.span), "goto " + cut_segment_chain(segment), {}});
    }
  }
  for (const Service& service : cut) {
    if (service.first != service.last || in_segment(segments, service)) continue;
    elements.push_back({range_key(service), "goto cut", {}});
  }
  sets.push_back(span_set("cut", "inet_proto . inet_service : verdict", std::move(elements)));
}

void add_places(std::vector<Set>& sets, const Program& program) {
  const std::vector<Place> places = find_places(remote_doors(program));
  if (places.empty()) return;
  const std::vector<Service> cut_here = cut_services(program);
  const bool any_cut = std::any_of(places.begin(), places.end(), [&](const Place& place) {
    return place.cut() || is_spared(place, cut_here);
  });
  const bool any_by_interface =
      std::any_of(places.begin(), places.end(), [](const Place& place) { return place.by_interface(); });
  for (const bool ipv6 : {false, true}) {
    const std::string family = ipv6 ? "6" : "4";
    const std::string type =
        std::string(ipv6 ? "ipv6_addr" : "ipv4_addr") + " . inet_proto . inet_service : verdict";
    std::vector<Element> all, routed, cut, keys;
    for (const Place& place : places) {
      if (place.network.ipv6 != ipv6) continue;
      const std::string key = to_string(place.network) + " . " + range_key(place.span);
      all.push_back({key, "goto " + place_chain(place), {}});
      keys.push_back({key, {}, {}});
      if (place.by_interface()) routed.push_back({key, "goto " + routed_place_chain(place), {}});
      if (place.cut()) cut.push_back({key, "goto " + cut_place_chain(place), {}});
      if (is_spared(place, cut_here)) cut.push_back({key, "accept", {}});
    }
    sets.push_back(span_set("places" + family, type, std::move(all)));
    if (any_by_interface) sets.push_back(span_set("places_on" + family, type, std::move(routed)));
    sets.push_back(span_set("elsewhere" + family, type.substr(0, type.find(" : ")), std::move(keys)));
    if (any_cut) sets.push_back(span_set("cut_places" + family, type, std::move(cut)));
  }
}

void add_networks(std::vector<Set>& sets, const std::string& four_name, const std::string& six_name,
                  const std::vector<Network>& networks) {
  std::vector<Element> four, six;
  for (const Network& network : networks) (network.ipv6 ? six : four).push_back({to_string(network), {}, {}});
  sets.push_back(interval_set(four_name, "ipv4_addr", std::move(four)));
  sets.push_back(interval_set(six_name, "ipv6_addr", std::move(six)));
}

// Who may knock: a pair of sets for each distinct `from`.
void add_sources(std::vector<Set>& sets, const std::vector<Track>& tracks) {
  std::set<std::vector<Network>> made;
  for (const Track& track : tracks) {
    if (track.from.empty() || !made.insert(track.from).second) continue;
    add_networks(sets, from_set(track, '4'), from_set(track, '6'), track.from);
  }
}

void add_interfaces(std::vector<Set>& sets, const std::string& set, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::vector<Element> elements;
  elements.reserve(names.size());
  for (const std::string& name : names) elements.push_back({'"' + name + '"', {}, {}});
  const bool patterns =
      std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.ends_with('*'); });
  sets.push_back((patterns ? interval_set : static_set)(set, "ifname", std::move(elements)));
}

void add_interfaces_of_tracks(std::vector<Set>& sets, const std::vector<Track>& tracks) {
  std::set<std::vector<std::string>> made;
  for (const Track& track : tracks) {
    if (track.on.empty() || !made.insert(track.on).second) continue;
    std::vector<std::string> names;
    names.reserve(track.on.size());
    for (const std::string& name : track.on) names.emplace_back(spec::left_out(name).value_or(name));
    add_interfaces(sets, on_set(track.on), names);
  }
}

}  // namespace

std::string steps_map(std::size_t layer) { return "steps_" + std::to_string(layer + 1); }

Ruleset compile(const Program& program) {
  Ruleset ruleset;
  add_dynamic_sets(ruleset.sets, program);
  add_token_sets(ruleset.sets, program);
  add_connection_sets(ruleset.sets, program);
  std::vector<Set> steps = steps_maps(program);
  ruleset.chains = compile_chains(program, steps.size());
  std::move(steps.begin(), steps.end(), std::back_inserter(ruleset.sets));
  add_edge_maps(ruleset.sets, program);
  add_dispatch(ruleset.sets, program);
  add_networks(ruleset.sets, "always_allow4", "always_allow6", program.always_allow);
  add_doors(ruleset.sets, program);
  add_ports(ruleset.sets, program);
  add_cut(ruleset.sets, program);
  add_places(ruleset.sets, program);
  add_sources(ruleset.sets, program.tracks);
  add_interfaces_of_tracks(ruleset.sets, program.tracks);
  add_interfaces(ruleset.sets, "interfaces", program.interfaces);
  add_interfaces(ruleset.sets, "left_out", program.left_out);
  const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
  std::sort(ruleset.sets.begin(), ruleset.sets.end(), by_name);
  std::sort(ruleset.chains.begin(), ruleset.chains.end(), by_name);
  return ruleset;
}

}  // namespace knockwork
