// How a grant of `connections` lets in so many, and no more.
//
// Each of them is an element of `reached` of its own, and whoever comes takes one away, by letting it expire.
// Of two processors with a packet each one takes it: `connecting` has a bucket of one packet for each, so
// that the other one goes on to the next. With the last one the grant ends. The first packet of a connection
// may come again, and a flow has more than one before its answer: they are remembered by what is their own.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "program/connections.hpp"
#include "ruleset/compile/rulebook.hpp"
#include "ruleset/digest.hpp"

namespace knockwork {
namespace {

std::string digest_of(const Door& door) {
  const auto [first, second] = connection_marks(door, 0);
  return fmt::format("{:08x}{:08x}", first, second);
}

std::string last_chain(const Door& door) { return "last_" + digest_of(door); }

std::string key_of(const std::pair<std::uint32_t, std::uint32_t>& marks) {
  return nft_mark(marks.first) + " . " + nft_mark(marks.second);
}

std::string constant_of(const std::pair<std::uint32_t, std::uint32_t>& marks) {
  return constant_key(marks.first) + " . " + constant_key(marks.second);
}

std::string segment_key(std::string_view family) {
  return fmt::format("{} saddr . tcp sport . tcp dport . tcp sequence", family);
}
std::string flow_key(std::string_view family) {
  return fmt::format("{} saddr . udp sport . udp dport", family);
}

class Connections {
 public:
  explicit Connections(const Rulebook& book) : book_(book), program_(book.program()) {}

  std::vector<Chain> chains() const {
    std::vector<Chain> chains{{"let_in", "", {}, let_in()}};
    std::map<std::string, std::vector<const Track*>> openings;
    for (const Track& track : program_.tracks) {
      if (track.connections > 0)
        openings[connection_chain(door_of(track, track.services.front()))].push_back(&track);
    }
    for (const auto& [name, tracks] : openings) {
      const Door door = door_of(*tracks.front(), tracks.front()->services.front());
      chains.push_back({name, "", {}, taking(door)});
      chains.push_back({last_chain(door), "", {}, ending(tracks)});
    }
    return chains;
  }

 private:
  // In the order of their numbers: whoever takes the last ends the grant.
  Rules taking(const Door& door) const {
    Rules rules;
    for (int number = 1; number <= door.connections; ++number) {
      const auto marks = connection_marks(door, number);
      for (const auto& [source, family] : book_.sources()) {
        rules.push_back(fmt::format(
            "{0} . {1} @reached{2} add @connecting{2} {{ {0} . {3} timeout {4} }} update @reached{2} {{ {0} . {3} "
            "timeout {5} }} goto {6}",
            source, constant_of(marks), family, key_of(marks), nft_time(kTakingLasts), kAtOnce,
            number == door.connections ? last_chain(door) : "let_in"));
      }
    }
    return rules;
  }

  Rules ending(const std::vector<const Track*>& tracks) const {
    Rules rules;
    for (const auto& [source, family] : book_.sources()) {
      for (const Service& service : tracks.front()->services) {
        const auto marks = door_marks(door_of(*tracks.front(), service));
        rules.push_back(fmt::format("{0} . {1} @reached{2} update @reached{2} {{ {0} . {3} timeout {4} }}",
                                    source, constant_of(marks), family, key_of(marks), kAtOnce));
      }
      for (const Track* track : tracks) {
        const std::string edge = edge_key(track->edges.back().id);
        rules.push_back(fmt::format(
            "{0} . meta priority & {1} | {1} @holders{2} update @holders{2} {{ {0} . {1} timeout {3} }}",
            source, edge, family, kAtOnce));
      }
    }
    rules.emplace_back("goto let_in");
    return rules;
  }

  static Rules let_in() {
    Rules rules;
    for (const auto& [family, digit] : {std::pair{"ip", '4'}, std::pair{"ip6", '6'}}) {
      rules.push_back(fmt::format("update @begins{} {{ {} timeout {} }}", digit, segment_key(family),
                                  nft_time(kBeginningLasts)));
      rules.push_back(fmt::format("update @flows{} {{ {} timeout {} }}", digit, flow_key(family),
                                  nft_time(kBeginningLasts)));
    }
    rules.emplace_back("accept");
    return rules;
  }

  const Rulebook& book_;
  const Program& program_;
};

}  // namespace

std::string connection_chain(const Door& door) { return "take_" + digest_of(door); }

Rules Rulebook::come_again(const std::vector<Door>& doors) {
  Rules rules;
  for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
    const bool any = std::any_of(doors.begin(), doors.end(), [&](const Door& door) {
      return door.connections > 0 && door.service.protocol == protocol;
    });
    for (const auto& [family, digit] : {std::pair{"ip", '4'}, std::pair{"ip6", '6'}}) {
      if (!any) continue;
      if (protocol == Protocol::tcp) {
        rules.push_back(fmt::format("{} @begins{} accept", segment_key(family), digit));
      } else {
        rules.push_back(fmt::format("{0} @flows{1} update @flows{1} {{ {0} timeout {2} }} accept",
                                    flow_key(family), digit, nft_time(kBeginningLasts)));
      }
    }
  }
  return rules;
}

void add_connection_sets(std::vector<Set>& sets, const Program& program) {
  if (!has_connections(program)) return;
  const auto add = [&](std::string name, std::string type, std::vector<std::string> extra) {
    sets.push_back(
        {std::move(name), std::move(type), {"dynamic", "timeout"}, std::move(extra), program.sources, {}});
  };
  for (const auto& [family, digit] : {std::pair{"ip", "4"}, std::pair{"ip6", "6"}}) {
    const std::string address = std::string(family) == "ip" ? "ipv4_addr" : "ipv6_addr";
    add(std::string("connecting") + digit, address + " . mark . mark", {"limit rate 1/week burst 1 packets"});
    add(std::string("begins") + digit, "typeof " + segment_key(family), {});
    add(std::string("flows") + digit, address + " . inet_service . inet_service", {});
  }
}

std::vector<Chain> connection_chains(const Rulebook& book) {
  return has_connections(book.program()) ? Connections(book).chains() : std::vector<Chain>{};
}

}  // namespace knockwork
