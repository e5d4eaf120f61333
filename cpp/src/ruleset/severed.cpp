#include "ruleset/severed.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ruleset/chains.hpp"
#include "ruleset/places.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kName = "sever";  // sets and chains of a revocation: "severed4", "severing", …

struct Family {
  char digit;
  std::string protocol;  // "ip", "ip6"
  std::string source;    // as the sets of grants name it
};

std::vector<Family> families(const Program& program) {
  return {{'4', "ip", "ip saddr"}, {'6', "ip6", source6(program.ipv6_prefix)}};
}

std::string tuple(const Family& family) {
  return fmt::format("{0} saddr . th sport . {0} daddr . meta l4proto . th dport", family.protocol);
}

std::string port_match(const Service& service) {  // "tcp dport 60000-61000"
  return fmt::format("{} dport {}{}", service.protocol == Protocol::tcp ? "tcp" : "udp", service.first,
                     service.first == service.last ? "" : fmt::format("-{}", service.last));
}

Chain severed(const Program& program) {
  Chain chain{"severed",
              "type filter hook prerouting priority mangle - 1; policy accept;",
              {},
              {"iif \"lo\" accept"}};
  if (!program.interfaces.empty()) chain.rules.emplace_back("iifname != @interfaces accept");
  for (const Family& family : families(program)) {
    chain.rules.push_back(fmt::format("{} @severed{} goto severing", tuple(family), family.digit));
  }
  return chain;
}

// Whoever has come in again is let back into all; what begins anew is the gate's to judge.
Chain severing(const Program& program) {
  Chain chain{"severing",
              "",
              {},
              {"tcp flags syn / fin,syn,rst,ack accept", "meta l4proto 17 ct state new accept",
               "ip saddr @always_allow4 accept", "ip6 saddr @always_allow6 accept"}};
  for (const Family& family : families(program)) {
    chain.rules.push_back(
        fmt::format("{} . meta l4proto . th dport @granted{} goto readmitted", family.source, family.digit));
  }
  for (const Service& range : protected_services(program)) {
    if (range.first == range.last) continue;
    for (const Family& family : families(program)) {
      chain.rules.push_back(fmt::format("{} {} . meta l4proto . {} @ranged{} goto readmitted",
                                        port_match(range), family.source, constant_key(range_id(range)),
                                        family.digit));
    }
  }
  for (const Door& door : remote_doors(program)) {
    const auto [first, second] = door_marks(door);
    for (const Network& network : door.to) {
      const Family family = families(program)[network.ipv6 ? 1 : 0];
      chain.rules.push_back(fmt::format(
          "{} daddr {} {} {} . {} . {} @reached{} goto readmitted", family.protocol, to_string(network),
          port_match(door.service), family.source, constant_key(first), constant_key(second), family.digit));
    }
  }
  for (const Family& family : families(program)) {
    chain.rules.push_back(fmt::format("update @severed{} {{ {} timeout {} }}", family.digit, tuple(family),
                                      nft_time(kSevered)));
  }
  chain.rules.emplace_back("drop");
  return chain;
}

// The one place where a packet takes an element away: once for each connection.
Chain readmitted(const Program& program) {
  Chain chain{"readmitted", "", {}, {}};
  for (const Family& family : families(program)) {
    chain.rules.push_back(fmt::format("delete @severed{} {{ {} }}", family.digit, tuple(family)));
  }
  chain.rules.emplace_back("accept");
  return chain;
}

bool is_of_it(std::string_view name) { return name.starts_with(kName) || name == "readmitted"; }

template <typename T>
void insert_by_name(std::vector<T>& objects, T object) {
  const auto at = std::lower_bound(objects.begin(), objects.end(), object,
                                   [](const T& left, const T& right) { return left.name < right.name; });
  objects.insert(at, std::move(object));
}

}  // namespace

bool has_severed(const Ruleset& ruleset) { return ruleset.set("severed4") != nullptr; }

Ruleset with_severed(Ruleset ruleset, const Program& program) {
  if (has_severed(ruleset)) ruleset = without_severed(std::move(ruleset));
  for (const auto& [digit, type] : {std::pair{'4', "ipv4_addr"}, std::pair{'6', "ipv6_addr"}}) {
    insert_by_name(ruleset.sets,
                   Set{fmt::format("severed{}", digit),
                       fmt::format("{0} . inet_service . {0} . inet_proto . inet_service", type),
                       {"dynamic", "timeout"},
                       {},
                       program.sources,
                       {}});
  }
  insert_by_name(ruleset.chains, severed(program));
  insert_by_name(ruleset.chains, severing(program));
  insert_by_name(ruleset.chains, readmitted(program));
  return ruleset;
}

Ruleset without_severed(Ruleset ruleset) {
  std::erase_if(ruleset.sets, [](const Set& set) { return is_of_it(set.name); });
  std::erase_if(ruleset.chains, [](const Chain& chain) { return is_of_it(chain.name); });
  return ruleset;
}

}  // namespace knockwork
