#include "ruleset/chains.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "ruleset/digest.hpp"
#include "ruleset/log.hpp"
#include "ruleset/places.hpp"

namespace knockwork {
namespace {

using Rules = std::vector<std::string>;

void append(Rules& rules, const Rules& more) { rules.insert(rules.end(), more.begin(), more.end()); }

// A constant_key for a protocol. A bare number would do for us, but `nft list ruleset`
// writes its name, which does not parse there: a saved ruleset must load again.
std::string constant_protocol(Protocol protocol) {
  return fmt::format("meta l4proto & {0} | {0}", static_cast<int>(protocol));
}

std::string from_digest(const Track& track) {
  std::string networks;
  for (const Network& network : track.from) networks += to_string(network) + ' ';
  return short_digest(networks);
}

const std::string kFirst = "tcp flags syn / fin,syn,rst,ack ct state new ct status ! confirmed";
const std::string kClean = "meta priority set none meta mark set 0x00000000";

class Compiler {
 public:
  Compiler(const Program& program, std::size_t layers)
      : program_(program),
        layers_(layers),
        places_(find_places(remote_doors(program))),
        cut_(cut_services(program)) {}

  std::vector<Chain> chains() const {
    std::vector<Chain> chains{gate(), refuse(), {"protected", "", {}, admitted({}, "goto refuse")}};
    if (Rules rules = established(); !rules.empty())
      chains.push_back({"established", "", {}, std::move(rules)});
    if (!cut_.empty()) chains.push_back({"cut", "", {}, covered({})});
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
      if (is_cut(cut_, segment)) {
        chains.push_back({cut_segment_chain(segment), "", {}, covered(segment.ranges)});
      }
    }
    add_place_chains(chains);
    add_closed_port_chains(chains);
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
    Rules rules{"fib daddr type unicast accept", underway()};
    append(rules, allowed());
    return rules;
  }
  // Of sessions older than the table: loading it is what turns conntrack on, and
  // they look new. An open and a closed port answer them alike.
  std::string underway() const {
    return stealth() ? "tcp flags ack / syn,ack accept" : "tcp flags ack accept";
  }
  static Rules allowed() { return {"ip saddr @always_allow4 accept", "ip6 saddr @always_allow6 accept"}; }

  // How a source is called in each family's sets.
  std::vector<std::pair<std::string, char>> sources() const {
    return {{"ip saddr", '4'}, {source6(program_.ipv6_prefix), '6'}};
  }
  std::string lockout6() const { return source6(lockout_prefix(program_)); }

  // Stealth judges every packet, gate only those that `dispatch` names.
  Rules target() const { return stealth() ? Rules{} : exempt(); }

  Chain gate() const {
    Chain chain{"gate", "", {}, {"iif \"lo\" accept"}};
    chain.hook = std::string("type filter hook prerouting priority mangle; policy ") + pass() + ";";
    if (!program_.interfaces.empty()) chain.rules.emplace_back("iifname != @interfaces accept");
    chain.rules.emplace_back(std::string("ct state established,related ") +
                             (established().empty() ? "accept" : "goto established"));
    if (!places_.empty()) append(chain.rules, at_places("places"));
    if (stealth()) append(chain.rules, exempt());
    if (seems_closed(program_))
      chain.rules.emplace_back("tcp flags ! rst,ack tcp flags != syn / fin,syn goto odd");
    append(chain.rules, {"meta l4proto . th dport vmap @dispatch", "meta l4proto . th dport vmap @ranges"});
    if (stealth()) append(chain.rules, vital());
    if (strays()) append(chain.rules, {"meta l4proto 6 goto stray", "meta l4proto 17 goto stray"});
    return chain;
  }

  // Where connections may end with their grants: those are asked about before all others go on.
  Rules established() const {
    Rules rules;
    const auto asked = [&](const Place& place) { return place.cut() || is_spared(place, cut_); };
    if (std::any_of(places_.begin(), places_.end(), asked)) append(rules, at_places("cut_places"));
    if (!cut_.empty()) rules.emplace_back("meta l4proto . th dport vmap @cut");
    if (rules.empty()) return rules;
    rules.insert(rules.begin(), "ct direction reply accept");
    rules.emplace_back("accept");
    return rules;
  }

  static Rules at_places(const std::string& maps) {
    return {"ip daddr . meta l4proto . th dport vmap @" + maps + '4',
            "ip6 daddr . meta l4proto . th dport vmap @" + maps + '6'};
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
    if (!seems_closed(program_)) return {"refuse", "", {}, reject()};
    return {"refuse", "", {}, {kFirst + " accept", "goto rejected"}};
  }

  static Rules reject() { return {"meta l4proto 6 reject with tcp reset", "reject"}; }

  // The answers of `reject` are not byte for byte those of a closed port (TOS,
  // flow label). So the beginning of a refused connection goes to a port that is
  // closed, and the host itself answers. `closed` is the first of the nat chains
  // and asks once more: it sees no packet but the first of a connection, so
  // whatever is not that is rejected by `refuse`. What no stack sends (an open
  // port ignores it, a closed one answers) goes in at no port. A flood of datagrams
  // is not to be looked up anywhere here: it leaves by the first rule.
  void add_closed_port_chains(std::vector<Chain>& chains) const {
    if (!seems_closed(program_)) return;
    Rules odd{"fib daddr type unicast accept"};
    append(odd, allowed());
    odd.push_back("drop");
    chains.push_back({"odd", "", {}, std::move(odd)});
    chains.push_back({"rejected", "", {}, reject()});
    Chain closed{"closed",
                 "type nat hook prerouting priority mangle + 1; policy accept;",
                 {},
                 {"meta l4proto != 6 accept", "iif \"lo\" accept"}};
    if (!program_.interfaces.empty()) closed.rules.emplace_back("iifname != @interfaces accept");
    closed.rules.emplace_back("tcp flags != syn / fin,syn,rst,ack accept");
    if (!places_.empty()) {
      append(closed.rules, {"ip daddr . meta l4proto . th dport @elsewhere4 accept",
                            "ip6 daddr . meta l4proto . th dport @elsewhere6 accept"});
    }
    closed.rules.emplace_back("meta l4proto . th dport vmap @shut");
    chains.push_back(std::move(closed));
    const std::string redirect = fmt::format("meta l4proto 6 redirect to :{}", kClosedPort);
    chains.push_back({"shut", "", {}, admitted({}, redirect)});
    for (const Segment& segment : segment_ranges(program_)) {
      if (segment.span.protocol != Protocol::tcp) continue;
      chains.push_back({shut_chain(segment), "", {}, admitted(segment.ranges, redirect)});
    }
  }

  // A protected port: in by a grant for the port itself or for a range over it.
  Rules admitted(const std::vector<Service>& ranges, const std::string& otherwise) const {
    Rules rules = target();
    append(rules, granted(ranges));
    rules.push_back(otherwise);
    return rules;
  }

  Rules granted(const std::vector<Service>& ranges) const {
    Rules rules;
    for (const auto& [source, family] : sources()) {
      rules.push_back(fmt::format("{} . meta l4proto . th dport @granted{} accept", source, family));
    }
    for (const Service& range : ranges) {
      for (const auto& [source, family] : sources()) {
        rules.push_back(fmt::format("{} . meta l4proto . {} @ranged{} accept", source,
                                    constant_key(range_id(range)), family));
      }
    }
    return rules;
  }

  // A connection that ends with its grant: silently, for an answer would have
  // conntrack forget it, and what it forgot might begin anew.
  Rules covered(const std::vector<Service>& ranges) const {
    Rules rules{"fib daddr type unicast accept"};
    append(rules, allowed());
    append(rules, granted(ranges));
    rules.push_back("drop");
    return rules;
  }

  // Elsewhere than on this host.
  void add_place_chains(std::vector<Chain>& chains) const {
    std::set<std::string> made;
    for (const Place& place : places_) {
      if (!made.insert(place_chain(place)).second) continue;
      Rules rules{underway()};
      append(rules, allowed());
      append(rules, reached(place.doors));
      rules.push_back(seems_closed(program_) ? "goto rejected" : "goto refuse");
      chains.push_back({place_chain(place), "", {}, std::move(rules)});
      if (!place.cut()) continue;
      rules = allowed();
      append(rules, reached(place.doors));
      rules.push_back("drop");
      chains.push_back({cut_place_chain(place), "", {}, std::move(rules)});
    }
  }

  Rules reached(const std::vector<Door>& doors) const {
    Rules rules;
    for (const Door& door : doors) {
      const auto [first, second] = door_marks(door);
      for (const auto& [source, family] : sources()) {
        rules.push_back(fmt::format("{} . {} . {} @reached{} accept", source, constant_key(first),
                                    constant_key(second), family));
      }
    }
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
      append(rules, {"ip saddr @locked4 goto wrong", lockout6() + " == @locked6 goto wrong",
                     "meta nfproto @overflow goto wrong"});
    }
    if (strays()) {
      append(rules, {"ip saddr @strays4 goto wrong", lockout6() + " == @strays6 goto wrong"});
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
    Rules rules{"meta mark vmap @openers"};
    for (const auto& [source, family] : sources()) {
      rules.push_back(fmt::format("{} . meta mark @expected{} meta mark vmap @advance", source, family));
    }
    for (const auto& [source, family] : sources()) {
      if (!has_sequence_timeouts(program_)) break;
      rules.push_back(fmt::format(
          "{0} . meta mark @begun{1} {0} . meta mark @expected{1} meta mark vmap @timed", source, family));
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
    Rules rules = logged_wrong();
    append(rules, {fmt::format("update @locked4 {{ ip saddr timeout {} }} {}", time, pass()),
                   fmt::format("update @locked6 {{ {} timeout {} }} {}", lockout6(), time, pass()),
                   fmt::format("update @overflow {{ meta nfproto timeout {} }}", time), pass()});
    return rules;
  }

  // To nflog, without the ports: no more of the packet than its IP header.
  Rules logged_wrong() const {
    if (program_.log != Log::all) return {};
    Rules rules;
    for (const auto& [family, header] : {std::pair{"ipv4", 20}, std::pair{"ipv6", 40}}) {
      rules.push_back(fmt::format("meta nfproto {} limit rate 10/second burst 20 packets {}", family,
                                  log_statement(kLogWrong, header)));
    }
    return rules;
  }

  // The mark says which sequence it was, by its last edge.
  Rules logged_grant() const {
    if (program_.log == Log::none) return {};
    Rules rules;
    for (const auto& [source, family] : sources()) {
      rules.push_back(fmt::format("{} . meta mark @holders{} limit rate 100/second burst 100 packets {}",
                                  source, family, log_statement(kLogGrant, family == '4' ? 20 : 40)));
    }
    return rules;
  }

  static std::string log_statement(std::string_view prefix, int bytes) {
    return fmt::format("log prefix \"{}\" group {} snaplen {}", prefix, kLogGroup, bytes);
  }

  // In stealth any other port is wrong as well. These lockouts have sets of their
  // own which may run full: a flood from invented sources must not shut everybody
  // out, and the ports that a scan cannot avoid are guarded all the same.
  // Broadcasts are a neighbour's habit, not a scan.
  Rules stray() const {
    const std::string time = nft_time(program_.lockout_time);
    Rules rules = counting();
    rules.push_back("fib daddr type != local drop");
    append(rules, logged_wrong());
    append(rules, {fmt::format("update @strays4 {{ ip saddr timeout {} }}", time),
                   fmt::format("update @strays6 {{ {} timeout {} }}", lockout6(), time), "drop"});
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
      if (track.once) {
        make("once_" + opening_chain(track)).rules = opening_once(track);
        make("spender").rules = spender();
      }
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

  // `update @set4 { ip saddr . meta mark timeout 5s }`, and the same of the other family.
  Rules noted(std::string_view set, Duration time) const {
    Rules rules;
    for (const auto& [source, family] : sources()) {
      rules.push_back(
          fmt::format("update @{}{} {{ {} . meta mark timeout {} }}", set, family, source, nft_time(time)));
    }
    return rules;
  }

  Rules waiting(const Track& track) const {
    Rules rules{"meta priority set 0:1", "meta mark set meta mark map @next"};
    append(rules, noted("expected", track.step_timeout));
    return rules;
  }

  // A first knock starts the clock of every later step: as often as the longest
  // sequence has steps, for where `next` ends the last one is only noted again.
  Rules beginning(const Track& track) const {
    Rules rules = waiting(track);
    for (std::size_t step = 1; step < track.edges.size(); ++step) {
      if (step > 1) rules.push_back("meta mark set meta mark map @next");
      append(rules, noted("begun", *track.sequence_timeout));
    }
    return rules;
  }

  // A holder records who came by which sequence; without room for it nothing opens.
  Rules opening(const Track& track) const {
    Rules rules{"meta priority set 0:1"};
    for (const auto& [source, family] : sources()) {
      rules.push_back(fmt::format("update @holders{} {{ {} . meta mark timeout {} }}", family, source,
                                  nft_time(track.open_for)));
      for (const Service& service : track.services) {
        rules.push_back(fmt::format("{} . meta mark @holders{} {}", source, family,
                                    grant(track, service, source, family)));
      }
    }
    append(rules, logged_grant());
    return rules;
  }

  static std::string grant(const Track& track, const Service& service, const std::string& source,
                           char family) {
    const std::string time = nft_time(track.open_for);
    if (!track.to.empty()) {
      const auto [first, second] = door_marks({track.to, service});
      return fmt::format("update @reached{} {{ {} . {} . {} timeout {} }}", family, source, nft_mark(first),
                         nft_mark(second), time);
    }
    const bool single = service.first == service.last;
    return fmt::format("update @{}{} {{ {} . {} . {} timeout {} }}", single ? "granted" : "ranged", family,
                       source, constant_protocol(service.protocol),
                       single ? std::to_string(service.first) : nft_mark(range_id(service)), time);
  }

  // The grant is noted before the sequence is spent, and both before anything opens.
  Rules opening_once(const Track& track) const {
    Rules rules{"meta mark @spent goto spender", "meta priority set 0:1"};
    for (const std::string& holder : noted("holders", track.open_for)) {
      rules.push_back(holder + " add @spent { meta mark } goto " + opening_chain(track));
    }
    return rules;
  }

  // Whoever spent it may repeat its last knock unpunished while the grant lives.
  Rules spender() const {
    Rules rules;
    for (const auto& [source, family] : sources()) {
      rules.push_back(fmt::format("{} . meta mark @holders{} meta priority set 0:1", source, family));
    }
    return rules;
  }

  const Program& program_;
  std::size_t layers_;
  std::vector<Place> places_;
  std::vector<Service> cut_;
};

}  // namespace

std::string constant_key(std::uint32_t value) {
  return fmt::format("meta mark & {0} | {0}", nft_mark(value));
}

std::uint32_t range_id(const Service& range) { return (std::uint32_t{range.first} << 16) | range.last; }

std::string source6(int prefix) {
  Network ones;
  ones.ipv6 = true;
  ones.prefix = 128;
  ones.bytes.fill(0xff);
  ones = widened(ones, prefix);
  ones.prefix = 128;
  return prefix == 128 ? "ip6 saddr" : "ip6 saddr & " + to_string(ones);
}

std::string segment_chain(const Segment& segment) {
  return fmt::format("range_{}_{}_{}", static_cast<int>(segment.span.protocol), segment.span.first,
                     segment.span.last);
}

bool is_cut(const std::vector<Service>& cut, const Segment& segment) {
  return std::any_of(segment.ranges.begin(), segment.ranges.end(),
                     [&](const Service& range) { return std::binary_search(cut.begin(), cut.end(), range); });
}

std::string shut_chain(const Segment& segment) { return "shut_" + segment_chain(segment); }
std::string cut_segment_chain(const Segment& segment) { return "cut_" + segment_chain(segment); }

std::string waiting_chain(Duration step_timeout) { return "within_" + nft_time(step_timeout); }

std::string opening_chain(const Track& track) {
  std::string services;
  for (const Service& service : track.services) services += to_string(service) + ' ';
  for (const Network& network : track.to) services += to_string(network) + ' ';
  return fmt::format("open_{}_{}", nft_time(track.open_for), short_digest(services));
}

std::string from_set(const Track& track, char family) {
  return fmt::format("from{}_{}", family, from_digest(track));
}

std::string firing_chain(const Track& track, std::size_t step) {
  const bool last = step + 1 == track.edges.size();
  std::string chain = last ? opening_chain(track) : waiting_chain(track.step_timeout);
  if (last && track.once) chain = "once_" + chain;
  if (!last && step == 0 && track.sequence_timeout) chain += "_of_" + nft_time(*track.sequence_timeout);
  return track.from.empty() ? chain : fmt::format("from_{}_{}", from_digest(track), chain);
}

std::vector<Chain> compile_chains(const Program& program, std::size_t layers) {
  return Compiler(program, layers).chains();
}

}  // namespace knockwork
