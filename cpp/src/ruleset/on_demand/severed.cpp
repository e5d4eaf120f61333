#include "ruleset/on_demand/severed.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ruleset/compile/chains.hpp"
#include "ruleset/places/places.hpp"

namespace knockwork {
namespace {

using Rules = std::vector<std::string>;

// Twice what a revocation puts there: elements that packets took away count until they are collected.
constexpr std::uint32_t kRoom = 2 * kMostSevered;
// Every port of both protocols and both families: it cannot run full.
constexpr std::uint32_t kRoomForAll = 4 * 65536;

void append(Rules& rules, const Rules& more) { rules.insert(rules.end(), more.begin(), more.end()); }

std::string ports(const Service& service) {  // "60000-61000"
  return service.first == service.last ? std::to_string(service.first)
                                       : fmt::format("{}-{}", service.first, service.last);
}

std::string port_key(const Service& service) {
  return fmt::format("{} . {}", static_cast<int>(service.protocol), ports(service));
}

// The words for the peer's end and the service's in one direction.
struct Words {
  std::string_view suffix;  // of the chains' names
  std::string_view peer, service, peer_port, port, interface;
};
constexpr Words kIn{"", "saddr", "daddr", "sport", "dport", "iif"};
constexpr Words kOut{"_back", "daddr", "saddr", "dport", "sport", "oif"};

class Compiler {
 public:
  explicit Compiler(const Program& program) : program_(program), doors_(remote_doors(program)) {}

  std::vector<Chain> chains() const {
    std::vector<Chain> chains{hook(kIn, "type filter hook prerouting priority mangle - 1; policy accept;"),
                              {"severed_led",
                               "type filter hook prerouting priority dstnat + 1; policy accept;",
                               {},
                               {"ct status dnat goto severing_led"}},
                              {"severing_led", "", {}, looked_up(kIn)},
                              hook(kOut, "type filter hook postrouting priority mangle - 1; policy accept;"),
                              {"readmitted", "", {}, readmitted()},
                              {"sever", "", {}, sever()},
                              {"sever_back", "", {}, sever_back()}};
    for (const Words& words : {kIn, kOut}) {
      chains.push_back({fmt::format("severing{}", words.suffix), "", {}, severing(words)});
      chains.push_back({fmt::format("severing_all{}", words.suffix), "", {}, severing_all(words)});
      if (doors_.empty()) continue;
      chains.push_back({fmt::format("severing_to{}", words.suffix), "", {}, severing_to(words)});
    }
    return chains;
  }

  std::vector<Set> sets() const {
    std::vector<Set> sets{
        filled(std::string(kSeveredForAll), "nf_proto . inet_proto . inet_service", kRoomForAll),
        declared("severable", "inet_proto . inet_service", here())};
    for (const bool ipv6 : {false, true}) {
      const std::string type = ipv6 ? "ipv6_addr" : "ipv4_addr";
      const std::string pair = fmt::format("{0} . {0} . inet_proto . inet_service", type);
      sets.push_back(filled(severed_set(ipv6), pair, kRoom));
      sets.push_back(filled(resumed_set(ipv6), pair, kRoom));
      sets.push_back(filled(spared_set(ipv6), type + " . inet_service . inet_proto . inet_service", kRoom));
      if (doors_.empty()) continue;
      sets.push_back(declared(ipv6 ? "severable_to6" : "severable_to4", type + " . inet_proto . inet_service",
                              elsewhere(ipv6)));
    }
    return sets;
  }

 private:
  static std::string ip(bool ipv6) { return ipv6 ? "ip6" : "ip"; }

  // A source as the sets of grants name it: "ip6 saddr & ffff:ffff:ffff:ffff::".
  std::string peer(const Words& words, bool ipv6) const {
    std::string name = ipv6 ? source6(program_.ipv6_prefix) : source4(program_.ipv4_prefix);
    return name.replace(name.find("saddr"), 5, words.peer);
  }
  std::string pair(const Words& words, bool ipv6) const {
    return fmt::format("{} . {} {} . meta l4proto . th {}", peer(words, ipv6), ip(ipv6), words.service,
                       words.port);
  }
  static std::string connection(const Words& words, bool ipv6) {
    return fmt::format("{} {} . th {} . meta l4proto . th {}", ip(ipv6), words.peer, words.peer_port,
                       words.port);
  }
  static std::string for_all(const Words& words) {
    return fmt::format("meta nfproto . meta l4proto . th {}", words.port);
  }
  // Only what is there is refreshed: what is not must not come to be by a packet.
  static std::string refreshed(std::string_view key, std::string_view set) {
    return fmt::format("{0} @{1} update @{1} {{ {0} timeout {2} }}", key, set, nft_time(kSevered));
  }

  Chain hook(const Words& words, std::string hook) const {
    return {fmt::format("severed{}", words.suffix), std::move(hook), {}, looked_up(words)};
  }

  // What comes is looked up twice: as it came, and once more where another table has led it elsewhere.
  Rules looked_up(const Words& words) const {
    Rules rules{fmt::format("{} \"lo\" accept", words.interface)};
    if (!program_.left_out.empty()) rules.push_back(fmt::format("{}name @left_out accept", words.interface));
    if (!program_.interfaces.empty())
      rules.push_back(fmt::format("{}name != @interfaces accept", words.interface));
    for (const bool ipv6 : {false, true}) {
      rules.push_back(
          fmt::format("{} @{} goto severing{}", pair(words, ipv6), severed_set(ipv6), words.suffix));
    }
    rules.push_back(fmt::format("{} @{} goto severing_all{}", for_all(words), kSeveredForAll, words.suffix));
    return rules;
  }

  // Cut for all, but not for whoever has come in again.
  Rules severing_all(const Words& words) const {
    Rules rules;
    for (const bool ipv6 : {false, true}) {
      rules.push_back(refreshed(pair(words, ipv6), resumed_set(ipv6)) + " accept");
    }
    rules.push_back(fmt::format("goto severing{}", words.suffix));
    return rules;
  }

  // Whoever has come in again is let back into all; what is no longer protected is open to all.
  Rules severing(const Words& words) const {
    Rules rules;
    for (const bool ipv6 : {false, true}) {
      rules.push_back(refreshed(connection(words, ipv6), spared_set(ipv6)) + " accept");
    }
    for (const bool ipv6 : {false, true}) {
      rules.push_back(fmt::format("{} {} @always_allow{} accept", ip(ipv6), words.peer, ipv6 ? 6 : 4));
    }
    const std::string elsewhere = doors_.empty() ? "accept" : fmt::format("goto severing_to{}", words.suffix);
    rules.push_back(fmt::format("fib {0} type != local fib {0} . {1} type != local {2}", words.service,
                                words.interface, elsewhere));
    rules.push_back(fmt::format("meta l4proto . th {} != @severable accept", words.port));
    append(rules, granted(words));
    rules.push_back(fmt::format("goto sever{}", words.suffix));
    return rules;
  }

  static std::string entitled(const Words& words) {
    return words.suffix.empty() ? "goto readmitted" : "accept";
  }
  static std::string port_match(const Words& words, const Service& service) {
    return fmt::format("{} {} {}", service.protocol == Protocol::tcp ? "tcp" : "udp", words.port,
                       ports(service));
  }

  Rules granted(const Words& words) const {
    Rules rules;
    for (const bool ipv6 : {false, true}) {
      rules.push_back(fmt::format("{} . meta l4proto . th {} @granted{} {}", peer(words, ipv6), words.port,
                                  ipv6 ? 6 : 4, entitled(words)));
    }
    for (const Service& range : protected_services(program_)) {
      if (range.first == range.last) continue;
      for (const bool ipv6 : {false, true}) {
        rules.push_back(fmt::format("{} {} . meta l4proto . {} @ranged{} {}", port_match(words, range),
                                    peer(words, ipv6), constant_key(range_id(range)), ipv6 ? 6 : 4,
                                    entitled(words)));
      }
    }
    for (const Door& door : conditional_doors(program_)) append(rules, reached(words, door));
    return rules;
  }

  // What goes out is on its way to somebody who may come in.
  Rules reached(const Words& words, const Door& door) const {
    const auto [first, second] = door_marks(door);
    Rules rules;
    const std::string condition = words.suffix.empty() ? comes_by(door.on) : "";
    for (const bool ipv6 : {false, true}) {
      rules.push_back(fmt::format("{}{} {} . {} . {} @reached{} {}", condition,
                                  port_match(words, door.service), peer(words, ipv6), constant_key(first),
                                  constant_key(second), ipv6 ? 6 : 4, entitled(words)));
    }
    return rules;
  }

  Rules severing_to(const Words& words) const {
    Rules rules;
    for (const bool ipv6 : {false, true}) {
      rules.push_back(fmt::format("{} {} . meta l4proto . th {} != @severable_to{} accept", ip(ipv6),
                                  words.service, words.port, ipv6 ? 6 : 4));
    }
    for (const Door& door : doors_) {
      const auto [first, second] = door_marks(door);
      for (const Network& network : door.to) {
        rules.push_back(fmt::format("{}{} {} {} {} {} . {} . {} @reached{} {}",
                                    words.suffix.empty() ? comes_by(door.on) : "", ip(network.ipv6),
                                    words.service, to_string(network), port_match(words, door.service),
                                    peer(words, network.ipv6), constant_key(first), constant_key(second),
                                    network.ipv6 ? 6 : 4, entitled(words)));
      }
    }
    rules.push_back(fmt::format("goto sever{}", words.suffix));
    return rules;
  }

  // What begins anew is the gate's to judge.
  Rules sever() const {
    Rules rules{"tcp flags syn / fin,syn,rst,ack accept", "meta l4proto 17 ct state new accept"};
    for (const bool ipv6 : {false, true}) rules.push_back(refreshed(pair(kIn, ipv6), severed_set(ipv6)));
    rules.emplace_back("drop");
    return rules;
  }

  // A reset is how a socket that was closed says so. A server that goes on sending keeps it cut.
  Rules sever_back() const {
    Rules rules{"tcp flags rst accept"};
    for (const bool ipv6 : {false, true}) rules.push_back(refreshed(pair(kOut, ipv6), severed_set(ipv6)));
    rules.push_back(refreshed(for_all(kOut), kSeveredForAll));
    rules.emplace_back("drop");
    return rules;
  }

  // The one place where a packet takes an element away: once for each source and service.
  Rules readmitted() const {
    Rules rules;
    for (const bool ipv6 : {false, true}) {
      rules.push_back(fmt::format("delete @{} {{ {} }}", severed_set(ipv6), pair(kIn, ipv6)));
    }
    for (const bool ipv6 : {false, true}) {
      rules.push_back(fmt::format("{} @{} update @{} {{ {} timeout {} }}", for_all(kIn), kSeveredForAll,
                                  resumed_set(ipv6), pair(kIn, ipv6), nft_time(kSevered)));
    }
    rules.emplace_back("accept");
    return rules;
  }

  static Set filled(std::string name, std::string type, std::uint32_t size) {
    return {std::move(name), std::move(type), {"dynamic", "timeout"}, {}, size, {}};
  }
  static Set declared(std::string name, std::string type, std::vector<Element> elements) {
    sort(elements);
    const bool spans = std::any_of(elements.begin(), elements.end(), [](const Element& element) {
      return element.key.find_first_of("/-") != std::string::npos;
    });
    return {std::move(name),
            std::move(type),
            spans ? std::vector<std::string>{"interval"} : std::vector<std::string>{},
            {},
            0,
            std::move(elements)};
  }

  // The protected services of this host, none overlapping another.
  std::vector<Element> here() const {
    std::vector<Service> merged;
    for (const Service& service : protected_services(program_)) {  // sorted by protocol and first port
      if (!merged.empty() && merged.back().protocol == service.protocol &&
          service.first <= merged.back().last) {
        merged.back().last = std::max(merged.back().last, service.last);
      } else {
        merged.push_back(service);
      }
    }
    std::vector<Element> elements;
    elements.reserve(merged.size());
    for (const Service& service : merged) elements.push_back({port_key(service), {}, {}});
    return elements;
  }

  std::vector<Element> elsewhere(bool ipv6) const {
    std::vector<Element> elements;
    for (const Place& place : find_places(doors_)) {
      if (place.network.ipv6 != ipv6) continue;
      elements.push_back({fmt::format("{} . {}", to_string(place.network), port_key(place.span)), {}, {}});
    }
    return elements;
  }

  const Program& program_;
  std::vector<Door> doors_;
};

bool is_of_it(std::string_view name) {
  return name.starts_with("sever") || name.starts_with("resumed") || name.starts_with("spared") ||
         name == "readmitted";
}

template <typename T>
void insert_by_name(std::vector<T>& objects, T object) {
  const auto at = std::lower_bound(objects.begin(), objects.end(), object,
                                   [](const T& left, const T& right) { return left.name < right.name; });
  objects.insert(at, std::move(object));
}

}  // namespace

std::string severed_set(bool ipv6) { return ipv6 ? "severed6" : "severed4"; }
std::string resumed_set(bool ipv6) { return ipv6 ? "resumed6" : "resumed4"; }
std::string spared_set(bool ipv6) { return ipv6 ? "spared6" : "spared4"; }

std::string severed_key(const Network& source, const Network& target, const Service& service) {
  return fmt::format("{} . {} . {}", to_string(source), to_string(target), port_key(service));
}

std::string severed_for_all_key(bool ipv6, const Service& service) {
  return fmt::format("{} . {}", ipv6 ? "ipv6" : "ipv4", port_key(service));
}

std::string spared_key(const Network& source, std::uint16_t source_port, const Service& service) {
  return fmt::format("{} . {} . {}", to_string(source), source_port, port_key(service));
}

std::string severed_key_of_today(std::string_view key) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= key.size();) {
    const std::size_t end = std::min(key.find(" . ", at), key.size());
    parts.push_back(key.substr(at, end - at));
    at = end + 3;
  }
  if (parts.size() != 5) return std::string(key);
  parts.erase(parts.begin() + 1);
  return fmt::format("{}", fmt::join(parts, " . "));
}

bool has_severed(const Ruleset& ruleset) { return ruleset.set("severed4") != nullptr; }

Ruleset with_severed(Ruleset ruleset, const Program& program) {
  if (has_severed(ruleset)) ruleset = without_severed(std::move(ruleset));
  const Compiler compiler(program);
  for (Set& set : compiler.sets()) insert_by_name(ruleset.sets, std::move(set));
  for (Chain& chain : compiler.chains()) insert_by_name(ruleset.chains, std::move(chain));
  return ruleset;
}

Ruleset without_severed(Ruleset ruleset) {
  std::erase_if(ruleset.sets, [](const Set& set) { return is_of_it(set.name); });
  std::erase_if(ruleset.chains, [](const Chain& chain) { return is_of_it(chain.name); });
  return ruleset;
}

}  // namespace knockwork
