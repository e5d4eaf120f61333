#include "ruleset/chains.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <map>

namespace knockwork {
namespace {

using Rules = std::vector<std::string>;

void append(Rules& rules, const Rules& more) { rules.insert(rules.end(), more.begin(), more.end()); }

// A constant as part of a lookup's key: `x & C | C` is C whatever x is, and
// reads no packet field that the rule would have to match first.
std::string constant_key(std::uint32_t value) {
  return fmt::format("meta mark & {0} | {0}", nft_mark(value));
}

// The same for a protocol. A bare number would do for us, but `nft list ruleset`
// writes its name, which does not parse there: a saved ruleset must load again.
std::string constant_protocol(Protocol protocol) {
  return fmt::format("meta l4proto & {0} | {0}", static_cast<int>(protocol));
}

std::string digest(const std::string& text) {
  unsigned char bytes[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes);
  return fmt::format("{:02x}{:02x}{:02x}{:02x}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::string from_digest(const Track& track) {
  std::string networks;
  for (const Network& network : track.from) networks += to_string(network) + ' ';
  return digest(networks);
}

// A range as one number: its ends fit into a mark side by side.
std::uint32_t range_id(const Service& range) { return (std::uint32_t{range.first} << 16) | range.last; }

const std::string kSource6Lockout = "ip6 saddr & ffff:ffff:ffff:ffff::";  // lockouts count by /64
const std::string kClean = "meta priority set none meta mark set 0x00000000";

class Compiler {
 public:
  Compiler(const Program& program, std::size_t layers) : program_(program), layers_(layers) {}

  std::vector<Chain> chains() const {
    std::vector<Chain> chains{gate(), refuse(), {"protected", "", {}, admitted({}, "goto refuse")}};
    chains.push_back({"knock", "", {}, knock()});
    chains.push_back({"fire", "", {}, fire()});
    chains.push_back({"wrong", "", {}, {kClean, "goto " + wrong_target()}});
    if (program_.lockout) {
      chains.push_back({"guard", "", {}, guard()});
      chains.push_back({"lockout", "", {}, lockout()});
      if (strays()) chains.push_back({"stray", "", {}, stray()});
    } else {
      chains.push_back({"harmless", "", {}, {pass()}});
    }
    for (const Segment& segment : segment_ranges(program_)) {
      chains.push_back({segment_chain(segment), "", {}, admitted(segment.ranges, "goto refuse")});
    }
    add_sequence_chains(chains);
    return chains;
  }

 private:
  bool stealth() const { return program_.mode == Mode::stealth; }
  // Where a packet goes that nobody answers for: on to the host, or nowhere.
  std::string pass() const { return stealth() ? "drop" : "accept"; }
  bool strays() const { return stealth() && program_.lockout; }
  std::string wrong_target() const { return program_.lockout ? "lockout" : "harmless"; }

  // Traffic that is none of our business: routed, of sessions older than the
  // table (loading it is what turns conntrack on: they look new), or from
  // sources that never need to knock.
  Rules exempt() const {
    return {"fib daddr type unicast accept", "tcp flags ack / syn,ack accept",
            "ip saddr @always_allow4 accept", "ip6 saddr @always_allow6 accept"};
  }

  // Stealth judges every packet, gate only those that `dispatch` names.
  Rules target() const { return stealth() ? Rules{} : exempt(); }

  Chain gate() const {
    Chain chain{"gate", "", {}, {"iif \"lo\" accept", "ct state established,related accept"}};
    chain.hook = std::string("type filter hook prerouting priority mangle; policy ") + pass() + ";";
    if (!program_.interfaces.empty())
      chain.rules.insert(chain.rules.begin() + 1, "iifname != @interfaces accept");
    if (stealth()) append(chain.rules, exempt());
    append(chain.rules, {"meta l4proto . th dport vmap @dispatch", "meta l4proto . th dport vmap @ranges"});
    if (stealth()) append(chain.rules, vital());
    if (strays()) append(chain.rules, {"meta l4proto 6 goto stray", "meta l4proto 17 goto stray"});
    return chain;
  }

  // What IPv6 and DHCP need to live, statelessly: RFC 4861 (neighbour
  // discovery, hop limit 255), RFC 4890 section 4.4 (errors), RFC 2710 and 3810
  // (MLD), RFC 8415 (DHCPv6 replies come from link-local addresses).
  static Rules vital() {
    // Literal sets in alphabetical order: a listing has them in the hash's, and
    // reading it sorts them.
    return {
        "icmpv6 type { nd-neighbor-advert, nd-neighbor-solicit, nd-redirect, nd-router-advert, "
        "nd-router-solicit } ip6 hoplimit 255 accept",
        "icmpv6 type { destination-unreachable, mld-listener-done, mld-listener-query, mld-listener-report, "
        "mld2-listener-report, packet-too-big, parameter-problem, time-exceeded } accept",
        "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept"};
  }

  Chain refuse() const {
    if (!program_.reject) return {"refuse", "", {}, {"drop"}};
    return {"refuse", "", {}, {"meta l4proto 6 reject with tcp reset", "reject"}};
  }

  // A protected port: in by a grant for the port itself or for a range over it.
  Rules admitted(const std::vector<Service>& ranges, const std::string& otherwise) const {
    Rules rules = target();
    append(rules, {"ip saddr . meta l4proto . th dport @granted4 accept",
                   "ip6 saddr . meta l4proto . th dport @granted6 accept"});
    for (const Service& range : ranges) {
      for (const auto& [source, family] : {std::pair{"ip saddr", '4'}, std::pair{"ip6 saddr", '6'}}) {
        rules.push_back(fmt::format("{} . meta l4proto . {} @ranged{} accept", source,
                                    constant_key(range_id(range)), family));
      }
    }
    rules.push_back(otherwise);
    return rules;
  }

  // A knock counts when it is udp, or a tcp packet that opens a connection.
  Rules counting() const {
    Rules rules = target();
    append(rules, {"ct state invalid " + pass(), "tcp flags != syn / fin,syn,rst,ack " + pass()});
    return rules;
  }

  Rules knock() const {
    Rules rules = counting();
    rules.push_back(kClean);
    if (program_.lockout) {
      append(rules, {"ip saddr @locked4 goto wrong", kSource6Lockout + " == @locked6 goto wrong",
                     "meta nfproto @overflow goto wrong"});
    }
    if (strays()) {
      append(rules, {"ip saddr @strays4 goto wrong", kSource6Lockout + " == @strays6 goto wrong"});
    }
    // Later uses first: what one of these rules inserts must not fire in the next.
    for (std::size_t layer = layers_; layer-- > 0;) {
      rules.push_back(
          fmt::format("meta mark set meta l4proto . th dport map @{} jump fire", steps_map(layer)));
    }
    append(rules, {"meta priority != 0:1 goto wrong", kClean + " " + pass()});
    return rules;
  }

  Rules fire() const {
    Rules rules{"meta mark vmap @openers", "ip saddr . meta mark @expected4 meta mark vmap @advance",
                "ip6 saddr . meta mark @expected6 meta mark vmap @advance"};
    if (has_sequence_timeouts(program_)) {
      append(rules, {"ip saddr . meta mark @begun4 ip saddr . meta mark @expected4 meta mark vmap @timed",
                     "ip6 saddr . meta mark @begun6 ip6 saddr . meta mark @expected6 meta mark vmap @timed"});
    }
    return rules;
  }

  Rules guard() const {
    Rules rules = counting();
    rules.push_back("goto lockout");
    return rules;
  }

  // A full set ends an update's rule: then everybody of that family is locked
  // out, for a gate that cannot punish must not open.
  Rules lockout() const {
    const std::string time = nft_time(program_.lockout_time);
    return {fmt::format("update @locked4 {{ ip saddr timeout {} }} {}", time, pass()),
            fmt::format("update @locked6 {{ {} timeout {} }} {}", kSource6Lockout, time, pass()),
            fmt::format("update @overflow {{ meta nfproto timeout {} }}", time), pass()};
  }

  // In stealth any other port is wrong as well. These lockouts have sets of their
  // own which may run full: a flood from invented sources must not shut everybody
  // out, and the ports that a scan cannot avoid are guarded all the same.
  // Broadcasts are a neighbour's habit, not a scan.
  Rules stray() const {
    const std::string time = nft_time(program_.lockout_time);
    Rules rules = counting();
    append(rules,
           {"fib daddr type != local drop", fmt::format("update @strays4 {{ ip saddr timeout {} }}", time),
            fmt::format("update @strays6 {{ {} timeout {} }}", kSource6Lockout, time), "drop"});
    return rules;
  }

  // One chain per distinct step timeout, opening and set of sources.
  void add_sequence_chains(std::vector<Chain>& chains) const {
    std::map<std::string, Chain> made;
    const auto make = [&made](const std::string& name) -> Chain& {
      return made.try_emplace(name, Chain{name, "", {}, {}}).first->second;
    };
    for (const Track& track : program_.tracks) {
      if (track.edges.size() > 1) make(waiting_chain(track.step_timeout)).rules = waiting(track);
      make(opening_chain(track)).rules = opening(track);
      Track anywhere = track;
      anywhere.from.clear();
      if (track.sequence_timeout) {
        Rules& rules = make(firing_chain(anywhere, 0)).rules;
        if (Rules longer = beginning(track); longer.size() > rules.size()) rules = std::move(longer);
      }
      for (std::size_t step = 0; !track.from.empty() && step < track.edges.size(); ++step) {
        make(firing_chain(track, step)).rules = asked_for_source(track, firing_chain(anywhere, step));
      }
    }
    for (auto& [name, chain] : made) chains.push_back(std::move(chain));
  }

  static Rules asked_for_source(const Track& track, const std::string& target) {
    return {fmt::format("ip saddr @{} goto {}", from_set(track, '4'), target),
            fmt::format("ip6 saddr @{} goto {}", from_set(track, '6'), target)};
  }

  static Rules waiting(const Track& track) {
    const std::string time = nft_time(track.step_timeout);
    return {"meta priority set 0:1", "meta mark set meta mark map @next",
            fmt::format("update @expected4 {{ ip saddr . meta mark timeout {} }}", time),
            fmt::format("update @expected6 {{ ip6 saddr . meta mark timeout {} }}", time)};
  }

  // A first knock starts the clock of every later step: as often as the longest
  // sequence has steps, for where `next` ends the last one is only noted again.
  static Rules beginning(const Track& track) {
    const std::string time = nft_time(*track.sequence_timeout);
    Rules rules = waiting(track);
    for (std::size_t step = 1; step < track.edges.size(); ++step) {
      if (step > 1) rules.push_back("meta mark set meta mark map @next");
      rules.push_back(fmt::format("update @begun4 {{ ip saddr . meta mark timeout {} }}", time));
      rules.push_back(fmt::format("update @begun6 {{ ip6 saddr . meta mark timeout {} }}", time));
    }
    return rules;
  }

  // A holder records who came by which sequence; without room for it nothing opens.
  static Rules opening(const Track& track) {
    const std::string time = nft_time(track.open_for);
    Rules rules{"meta priority set 0:1"};
    for (const auto& [source, family] : {std::pair{"ip saddr", '4'}, std::pair{"ip6 saddr", '6'}}) {
      rules.push_back(fmt::format("update @holders{} {{ {} . meta mark timeout {} }}", family, source, time));
      for (const Service& service : track.services) {
        const bool single = service.first == service.last;
        rules.push_back(fmt::format(
            "{} . meta mark @holders{} update @{}{} {{ {} . {} . {} timeout {} }}", source, family,
            single ? "granted" : "ranged", family, source, constant_protocol(service.protocol),
            single ? std::to_string(service.first) : nft_mark(range_id(service)), time));
      }
    }
    return rules;
  }

  const Program& program_;
  std::size_t layers_;
};

}  // namespace

std::string segment_chain(const Segment& segment) {
  return fmt::format("range_{}_{}_{}", static_cast<int>(segment.span.protocol), segment.span.first,
                     segment.span.last);
}

std::string waiting_chain(Duration step_timeout) { return "within_" + nft_time(step_timeout); }

std::string opening_chain(const Track& track) {
  std::string services;
  for (const Service& service : track.services) services += to_string(service) + ' ';
  return fmt::format("open_{}_{}", nft_time(track.open_for), digest(services));
}

std::string from_set(const Track& track, char family) {
  return fmt::format("from{}_{}", family, from_digest(track));
}

std::string firing_chain(const Track& track, std::size_t step) {
  const bool last = step + 1 == track.edges.size();
  std::string chain = last ? opening_chain(track) : waiting_chain(track.step_timeout);
  if (!last && step == 0 && track.sequence_timeout) chain += "_of_" + nft_time(*track.sequence_timeout);
  return track.from.empty() ? chain : fmt::format("from_{}_{}", from_digest(track), chain);
}

std::vector<Chain> compile_chains(const Program& program, std::size_t layers) {
  return Compiler(program, layers).chains();
}

}  // namespace knockwork
