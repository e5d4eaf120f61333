// The names of the constant program's chains, and what the files that write them share.
#include "ruleset/compile/chains.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ruleset/compile/rulebook.hpp"
#include "ruleset/digest.hpp"
#include "ruleset/log.hpp"
#include "values/all_ports.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

std::string from_digest(const Track& track) {
  std::string networks;
  for (const Network& network : track.from) networks += to_string(network) + ' ';
  return short_digest(networks);
}

// "udp dport 53", "meta l4proto 47", "icmp type echo-request"
std::string match(const PublicRule& rule) {
  if (rule.service) {
    return fmt::format(
        "{} dport {}{}", rule.service->protocol == Protocol::tcp ? "tcp" : "udp", rule.service->first,
        rule.service->first == rule.service->last ? "" : fmt::format("-{}", rule.service->last));
  }
  if (!rule.icmp_type) return fmt::format("meta l4proto {}", static_cast<int>(rule.protocol.value_or(0)));
  const std::string text = to_string(rule);  // "icmpv6/echo-request": the name that nftables has for the type
  const std::size_t slash = text.find('/');
  return text.substr(0, slash) + " type " + text.substr(slash + 1);
}

constexpr std::uint8_t kIpv4Bits = 32, kIpv6Bits = 128;

// Of an address of so many bits.
std::string mask(int prefix, std::uint8_t bits) {
  Network ones;
  ones.ipv6 = bits == kIpv6Bits;
  ones.prefix = bits;
  ones.bytes.fill(0xff);
  ones = widened(ones, prefix);
  ones.prefix = bits;
  return to_string(ones);
}

}  // namespace

bool Rulebook::any_place_cut() const {
  return std::any_of(places_.begin(), places_.end(),
                     [&](const Place& place) { return place.cut() || is_spared(place, cut_); });
}

bool Rulebook::any_place_by_interface() const {
  return std::any_of(places_.begin(), places_.end(), [](const Place& place) { return place.by_interface(); });
}

Rules Rulebook::allowed() const {
  Rules rules;
  const auto& all = program_.always_allow;
  const auto is_ipv6 = [](const Network& network) { return network.ipv6; };
  if (!std::all_of(all.begin(), all.end(), is_ipv6)) rules.emplace_back("ip saddr @always_allow4 accept");
  if (std::any_of(all.begin(), all.end(), is_ipv6)) rules.emplace_back("ip6 saddr @always_allow6 accept");
  return rules;
}

Rules Rulebook::granted(const Segment& segment, Use use) const {
  Rules rules;
  for (const auto& [source, family] : sources()) {
    rules.push_back(fmt::format("{} . meta l4proto . th dport @granted{} accept", source, family));
  }
  append(rules, ranged(segment.ranges));
  append(rules, reached(segment.doors, use));
  return rules;
}

Rules Rulebook::ranged(const std::vector<Service>& ranges) const {
  Rules rules;
  for (const Service& range : ranges) {
    for (const auto& [source, family] : sources()) {
      rules.push_back(fmt::format("{} . meta l4proto . {} @ranged{} accept", source,
                                  constant_key(range_id(range)), family));
    }
  }
  return rules;
}

Rules Rulebook::reached(const std::vector<Door>& doors, Use use) const {
  Rules rules;
  for (const Door& door : doors) {
    if (use == Use::go_on && door.connections > 0) continue;
    const auto [first, second] = door_marks(door);
    const bool counts = use == Use::connect && door.connections > 0;
    const std::string then = counts ? "jump " + connection_chain(door) : "accept";
    const std::string begins = counts && door.service.protocol == Protocol::tcp ? kSyn + " " : "";
    for (const std::string& condition : use == Use::pass ? Rules{""} : came_by(door.on)) {
      for (const auto& [source, family] : sources()) {
        rules.push_back(fmt::format("{}{}{} . {} . {} @reached{} {}", begins, condition, source,
                                    constant_key(first), constant_key(second), family, then));
      }
    }
  }
  return rules;
}

Rules Rulebook::dhcpv6(const Segment& ports) {
  const bool all = std::any_of(ports.ranges.begin(), ports.ranges.end(), is_all_ports);
  const bool there =
      ports.span.protocol == Protocol::udp && ports.span.first <= 546 && 546 <= ports.span.last;
  return all && there ? Rules{kDhcpv6} : Rules{};
}

Rules Rulebook::at_places(const std::string& maps) {
  return {"ip daddr . meta l4proto . th dport vmap @" + maps + '4',
          "ip6 daddr . meta l4proto . th dport vmap @" + maps + '6'};
}

Rules Rulebook::at_places_by_interface() const {
  Rules rules;
  if (any_place_by_interface()) append(rules, at_places("places_on"));
  if (!places_.empty()) append(rules, at_places("places"));
  return rules;
}

std::string Rulebook::log_statement(std::string_view prefix, int bytes) {
  return fmt::format("log prefix \"{}\" group {} snaplen {}", prefix, kLogGroup, bytes);
}

Rules Rulebook::public_rules(Which which) const {
  Rules rules;
  for (const PublicRule& rule : program_.public_rules) {
    if (which == Which::ports && !rule.service) continue;
    const auto add = [&](const std::string& door) {
      if (rule.from.empty()) rules.push_back(door + " accept");
      for (const Network& network : rule.from) {
        rules.push_back(
            fmt::format("{} {} saddr {} accept", door, network.ipv6 ? "ip6" : "ip", to_string(network)));
      }
    };
    const std::string door = match(rule);
    add(rule.interface.empty() ? door : fmt::format("iifname \"{}\" {}", rule.interface, door));
    // Before it is routed, a packet is not on the VRF whose address it has: `input` will know.
    if (which == Which::ports && !rule.interface.empty()) add("fib daddr type != local " + door);
  }
  return rules;
}

Rules Rulebook::unlisted(When when) const {
  const bool routed = when == When::after_routing;
  if (!program_.left_out.empty()) {
    Rules rules{"iifname @left_out accept"};
    if (routed) rules.emplace_back("meta sdifname @left_out accept");
    return rules;
  }
  if (program_.interfaces.empty()) return {};
  return {routed ? "iifname != @interfaces meta sdifname != @interfaces accept"
                 : "iifname != @interfaces accept"};
}

std::string constant_key(std::uint32_t value) {
  return fmt::format("meta mark & {0} | {0}", nft_mark(value));
}

std::uint32_t range_id(const Service& range) { return (std::uint32_t{range.first} << 16) | range.last; }

std::string source4(int prefix) {
  return prefix == kIpv4Bits ? "ip saddr" : "ip saddr & " + mask(prefix, kIpv4Bits);
}
std::string source6(int prefix) {
  return prefix == kIpv6Bits ? "ip6 saddr" : "ip6 saddr & " + mask(prefix, kIpv6Bits);
}

std::string segment_chain(const Segment& segment) {
  const int protocol = static_cast<int>(segment.span.protocol);
  if (segment.ranges.empty()) return fmt::format("port_{}_{}", protocol, segment.span.first);
  return fmt::format("range_{}_{}_{}", protocol, segment.span.first, segment.span.last);
}

bool is_cut(const std::vector<Service>& cut, const Segment& segment) {
  return std::any_of(
             segment.ranges.begin(), segment.ranges.end(),
             [&](const Service& range) { return std::binary_search(cut.begin(), cut.end(), range); }) ||
         std::any_of(segment.doors.begin(), segment.doors.end(), [](const Door& door) { return door.cut; });
}

std::string door_segment_chain(const Segment& segment) { return "door_" + segment_chain(segment); }
std::string cut_segment_chain(const Segment& segment) { return "cut_" + segment_chain(segment); }

std::string waiting_chain(Duration step_timeout) { return "within_" + nft_time(step_timeout); }

std::string opening_chain(const Track& track) {
  if (!track.closes.empty()) {
    std::string names;
    for (const std::string& name : track.closes) names += name + ' ';
    return "close_" + short_digest(names);
  }
  std::string services;
  for (const Service& service : track.services) services += to_string(service) + ' ';
  for (const Network& network : track.to) services += to_string(network) + ' ';
  for (const std::string& interface : track.on) services += "on " + interface + ' ';
  const std::string times = track.connections > 0 ? std::to_string(track.connections) + "x_" : "";
  return fmt::format("open_{}_{}{}", nft_time(track.open_for), times, short_digest(services));
}

std::string from_set(const Track& track, char family) {
  return fmt::format("from{}_{}", family, from_digest(track));
}

std::string on_set(const std::vector<std::string>& on) {
  std::string names;
  for (const std::string& name : on) names += name + ' ';
  return fmt::format("{}_{}", spec::left_out(on.front()) ? "but" : "on", short_digest(names));
}

std::string comes_by(const std::vector<std::string>& on) {
  if (on.empty()) return "";
  return fmt::format("iifname {}@{} ", spec::left_out(on.front()) ? "!= " : "", on_set(on));
}

std::vector<std::string> came_by(const std::vector<std::string>& on) {
  if (on.empty()) return {""};
  const std::string set = on_set(on);
  if (spec::left_out(on.front())) return {fmt::format("iifname != @{0} meta sdifname != @{0} ", set)};
  return {fmt::format("iifname @{} ", set), fmt::format("meta sdifname @{} ", set)};
}

std::string firing_chain(const Track& track, std::size_t step, Asks asks) {
  const bool last = step + 1 == track.edges.size();
  std::string chain = last ? opening_chain(track) : waiting_chain(track.step_timeout);
  if (last && track.once) chain = "once_" + chain;
  if (!last && step == 0 && track.sequence_timeout) chain += "_of_" + nft_time(*track.sequence_timeout);
  if (asks == Asks::nothing) return chain;
  if (!track.from.empty()) chain = fmt::format("from_{}_{}", from_digest(track), chain);
  return track.on.empty() || asks == Asks::source ? chain : fmt::format("{}_{}", on_set(track.on), chain);
}

std::vector<Chain> compile_chains(const Program& program, std::size_t layers) {
  const Rulebook book(program, layers);
  std::vector<Chain> chains = gate_chains(book);
  for (const auto& more :
       {door_chains(book), sequence_chains(book), prolong_chains(book), connection_chains(book)}) {
    chains.insert(chains.end(), more.begin(), more.end());
  }
  return chains;
}

}  // namespace knockwork
