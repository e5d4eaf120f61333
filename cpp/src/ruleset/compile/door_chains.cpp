// The hooks where packets are delivered: `input` for this host, `forward` for services elsewhere.
//
// By now routing has said whose the packet is and every address translation has been done, so
// whatever way leads to a protected service comes by here. A first packet needs a grant.
// Later ones go on where conntrack saw the connection begin with one that was let in, where
// this host's kernel knows it, or where this side really spoke first.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "ruleset/compile/rulebook.hpp"

namespace knockwork {
namespace {

class Doors {
 public:
  explicit Doors(const Rulebook& book) : book_(book), program_(book.program()) {}

  std::vector<Chain> chains() const {
    std::vector<Chain> chains{input()};
    const Segment single{{}, {}};  // any port that is no range's
    if (any_lasting_port()) {
      chains.push_back({"door", "", {}, door(single, "segment", OnExpiry::keep, {})});
      chains.push_back({"segment", "", {}, segment(single, OnExpiry::keep)});
    }
    if (std::any_of(book_.cut().begin(), book_.cut().end(), is_single)) {
      chains.push_back({"cut_door", "", {}, door(single, "cut_segment", OnExpiry::cut, {})});
      chains.push_back({"cut_segment", "", {}, segment(single, OnExpiry::cut)});
    }
    for (const Segment& each : segment_ranges(program_)) {
      const OnExpiry expiry = is_cut(book_.cut(), each) ? OnExpiry::cut : OnExpiry::keep;
      Rules rules = renewing(each);
      append(rules, door(each, segment_of(each), expiry, each.span.protocol));
      chains.push_back({door_segment_chain(each), "", {}, std::move(rules)});
      if (each.span.protocol == Protocol::tcp)
        chains.push_back({segment_of(each), "", {}, segment(each, expiry)});
    }
    if (!book_.stealth()) add_turned_away(chains);
    add_place_chains(chains);
    if (has_spoken(program_)) chains.push_back(output());
    if (has_own_connections(program_)) chains.push_back(connect());
    return chains;
  }

 private:
  static bool is_single(const Service& service) { return service.first == service.last; }

  // A single port whose connections do not end with their grants, or one that `all/tcp` leaves out.
  bool any_lasting_port() const {
    const std::vector<Service> services = protected_services(program_);
    const bool left_out = book_.stealth() && !closed_ports(program_).empty();
    return left_out || std::any_of(services.begin(), services.end(), [&](const Service& service) {
             return is_single(service) &&
                    !std::binary_search(book_.cut().begin(), book_.cut().end(), service);
           });
  }

  static std::string segment_of(const Segment& each) { return "segment_" + segment_chain(each); }

  // A segment's ranges, and the single ports inside it that sequences name.
  Rules renewing(const Segment& segment) const {
    if (!has_prolong(program_)) return {};
    Rules rules;
    for (const Service& service : protected_services(program_)) {
      const bool inside = service.first == service.last && service.protocol == segment.span.protocol &&
                          segment.span.first <= service.first && service.first <= segment.span.last;
      if (!inside) continue;
      for (const std::string& rule : book_.renewing({{{}, service}}))
        rules.push_back(fmt::format("th dport {} {}", service.first, rule));
    }
    std::vector<Door> doors;
    for (const Service& range : segment.ranges) doors.push_back({{}, range});
    append(rules, book_.renewing(doors));
    for (const Door& door : segment.doors) append(rules, book_.renewing({door}));
    return rules;
  }

  // Gate mode lets through what concerns no service of ours, with one look at the most; stealth
  // what nobody refuses.
  Chain input() const {
    Chain chain{"input",
                std::string("type filter hook input priority mangle; policy ") +
                    (book_.stealth() ? "drop" : "accept") + ";",
                {},
                {}};
    Rules& rules = chain.rules;
    if (!book_.stealth()) {
      std::string rule = fmt::format("meta priority != {} th dport != @services", kOverheardPriority);
      if (has_service_ranges(program_)) rule += " th dport != @services_ranges";
      rules.push_back(rule + " accept");
      rules.push_back(fmt::format("meta priority {} goto knocked", kOverheardPriority));
    }
    append(rules, elsewhere());
    append(rules, book_.at_places_by_interface());
    rules.emplace_back("meta l4proto . th dport vmap @doors");
    if (has_watched_ranges(program_)) rules.emplace_back("meta l4proto . th dport vmap @door_ranges");
    if (book_.stealth()) append(rules, stealthy());
    return chain;
  }

  // What came by no interface of the gate's.
  Rules elsewhere() const {
    Rules rules{"iif \"lo\" accept"};
    append(rules, book_.unlisted(Rulebook::When::after_routing));
    return rules;
  }

  // What stealth lets in besides: connections that go on, sources that need not knock, public
  // services, and what IPv6 and DHCP need to live, statelessly: RFC 4861 (neighbour discovery, hop
  // limit 255), RFC 4890 section 4.4 (errors), RFC 2710 and 3810 (MLD), RFC 8415
  // (DHCPv6 replies come from link-local addresses). Nobody but this host speaks in its name.
  Rules stealthy() const {
    Rules rules{kNotSyn + " ct state established accept", "meta l4proto != 6 ct state established accept",
                "meta l4proto 1 ct state related accept", "meta l4proto 58 ct state related accept",
                "fib saddr type local drop"};
    append(rules, book_.allowed());
    rules.push_back(kOwnSocketOfStealth + " accept");
    append(rules, book_.public_rules(Rulebook::Which::all));
    if (program_.ping) {
      rules.emplace_back("icmp type echo-request accept");
      rules.emplace_back("icmpv6 type echo-request accept");
    }
    // Literal sets in alphabetical order: a listing has them in the hash's, and reading it sorts them.
    append(
        rules,
        {"icmpv6 type { nd-neighbor-advert, nd-neighbor-solicit, nd-redirect, nd-router-advert, "
         "nd-router-solicit } ip6 hoplimit 255 accept",
         "icmpv6 type { destination-unreachable, mld-listener-done, mld-listener-query, mld-listener-report, "
         "mld2-listener-report, packet-too-big, parameter-problem, time-exceeded } accept",
         kDhcpv6});
    return rules;
  }

  // The protocol of all packets that come to a chain; none where single ports of both share it.
  using Of = std::optional<Protocol>;
  static bool may_be(Protocol protocol, Of of) { return of.value_or(protocol) == protocol; }

  static std::string datagrams(Of of) { return of ? "" : "meta l4proto 17 "; }

  Rules refused(Of of) const {
    if (!program_.reject) return {"drop"};
    if (book_.stealth() || of == Protocol::tcp) return {"goto rejected"};
    if (of == Protocol::udp) return {"goto disguised"};
    return {"meta l4proto 17 goto disguised", "goto rejected"};
  }

  // One protected service of this host. With OnExpiry::cut a live grant is asked for, whatever goes on.
  Rules door(const Segment& ports, const std::string& segments, OnExpiry expiry, Of of) const {
    const bool cut = expiry == OnExpiry::cut;
    Rules rules;
    if (may_be(Protocol::tcp, of)) rules.push_back(kNotSyn + " goto " + segments);
    if (!cut && may_be(Protocol::udp, of)) rules.push_back(datagrams(of) + kGoesOn + " accept");
    append(rules, book_.allowed());
    append(rules, Rulebook::dhcpv6(ports));
    append(rules, Rulebook::come_again(ports.doors));
    append(rules, book_.granted(ports, Rulebook::Use::connect));
    if (cut || !may_be(Protocol::udp, of) || !has_own_flows(program_)) {
      if (cut && may_be(Protocol::udp, of)) rules.push_back(datagrams(of) + kGoesOn + " drop");
      append(rules, refused(of));
      return rules;
    }
    if (!of) rules.push_back("meta l4proto 6 " + refused(Protocol::tcp).front());
    append(rules, answers(""));
    append(rules, refused(Protocol::udp));
    return rules;
  }

  // A segment that is not the first of its connection. One that nobody knows goes on to be
  // answered as at a closed port, with a sequence number that no SYN cookie fits: the answer
  // to an ACK does not depend on it (RFC 9293, section 3.10.7.1).
  Rules segment(const Segment& ports, OnExpiry expiry) const {
    const bool cut = expiry == OnExpiry::cut;
    Rules rules;
    if (!cut) append(rules, {"ct state established ct direction original accept", kOwnSocket + " accept"});
    append(rules, book_.allowed());
    append(rules, book_.granted(ports, Rulebook::Use::go_on));
    if (has_own_connections(program_)) append(rules, answers(""));
    if (cut) append(rules, {"ct state established drop", kOwnSocket + " drop"});
    if (book_.stealth() || !program_.reject) {
      append(rules, refused(Protocol::tcp));
    } else {
      // Such a segment gets no answer, and would leave an entry in conntrack.
      rules.emplace_back("tcp option md5sig exists drop");
      rules.emplace_back("tcp sequence set tcp ackseq accept");
    }
    return rules;
  }

  // The ports of a packet, as a listing has them: in a rule that has asked for TCP's flags, and in any other.
  static constexpr std::string_view kAnyPort = "th", kTcpPort = "tcp";

  // To what began on this side. A SYN is never one.
  static Rules answers(const std::string& condition) {
    Rules rules;
    for (const auto& [family, digit] : {std::pair{"ip", '4'}, std::pair{"ip6", '6'}}) {
      rules.push_back(
          fmt::format("{0}ct state established {1} saddr . {2} sport . {1} daddr . {2} dport . meta "
                      "l4proto @spoken{3} accept",
                      condition, family, condition.empty() ? kAnyPort : kTcpPort, digit));
    }
    return rules;
  }

  // For a family: "ip daddr . th dport . ip saddr . th sport . meta l4proto @spoken4 ", and its update.
  struct Speaking {
    std::string known, update;
  };
  static std::vector<Speaking> speaking(std::string_view port, std::string_view time) {
    std::vector<Speaking> each;
    for (const auto& [family, digit] : {std::pair{"ip", '4'}, std::pair{"ip6", '6'}}) {
      const std::string key =
          fmt::format("{0} daddr . {1} dport . {0} saddr . {1} sport . meta l4proto", family, port);
      each.push_back({fmt::format("{} @spoken{} ", key, digit),
                      fmt::format("update @spoken{} {{ {} timeout {} }}", digit, key, time)});
    }
    return each;
  }

  // What this side's datagrams and first and last segments are remembered for, and other segments: their
  // connection may be silent for long.
  static constexpr std::string_view kBriefly = "3m", kLong = "1d";
  static inline const std::string kGoingOn = "tcp flags ! fin,syn,rst ";

  // Conntrack takes for a reply whatever fits an entry, and an entry is easily forged: only where this
  // host's own packet began the flow, an answer to it is one.
  Chain output() const {
    Chain chain{"output", "type filter hook output priority mangle; policy accept;", {}, {}};
    if (!has_own_connections(program_)) chain.rules.emplace_back("meta l4proto != 17 accept");
    append(chain.rules, {"oif \"lo\" accept", "ct direction reply accept"});
    std::string rule = "th sport != @services";
    if (has_service_ranges(program_)) rule += " th sport != @services_ranges";
    chain.rules.push_back(rule + " accept");
    if (has_own_connections(program_))
      append(chain.rules, {"meta l4proto 6 goto connect", "meta l4proto != 17 accept"});
    if (has_own_flows(program_)) {
      for (const Speaking& each : speaking(kAnyPort, kBriefly)) chain.rules.push_back(each.update);
    }
    return chain;
  }

  // A connection that this host begins. A service never does, so a connection to one that `cut` has ended is
  // none. Once the program has closed it, its socket has no owner, and the answers to what it has sent still
  // come.
  static Chain connect() {
    Chain chain{"connect", "", {}, {}};
    for (const Speaking& each : speaking(kTcpPort, kLong))
      chain.rules.push_back(kGoingOn + kOwnSocket + " " + each.known + each.update + " accept");
    for (const Speaking& each : speaking(kTcpPort, kBriefly)) {
      chain.rules.push_back(kSyn + " " + each.update);
      chain.rules.push_back(kNotSyn + " " + each.known + each.update);
    }
    return chain;
  }

  // What a service elsewhere begins.
  static Chain speak() {
    const std::string condition = "fib saddr . iif oif exists ";
    Chain chain{"speak", "", {}, {}};
    for (const Speaking& each : speaking(kAnyPort, kBriefly)) chain.rules.push_back(condition + each.update);
    return chain;
  }

  // What `answered` has turned away, at the end of prerouting, when all addresses are translated. A
  // connection has a closed port by now, and a datagram for this host goes on to `input`. What
  // another table has taken elsewhere is refused here, and conntrack makes the error quote it as it came.
  void add_turned_away(std::vector<Chain>& chains) const {
    chains.push_back({"turned_away",
                      "type filter hook prerouting priority dstnat + 1; policy accept;",
                      {},
                      {"meta pkttype != other accept", "meta pkttype set host",
                       fmt::format("tcp dport {} ct status dnat accept", kClosedPort),
                       "meta l4proto 17 ct status dnat goto rejected", "ct status dnat drop",
                       "meta l4proto 17 accept", "goto rejected"}});
    Rules knocked = elsewhere();
    append(knocked, {"meta priority set none", "meta l4proto 6 goto rejected", "goto disguised"});
    chains.push_back({"knocked", "", {}, std::move(knocked)});
    // A datagram crosses the host as one for a closed port, so that other firewalls judge it like any,
    // and gets its port back to be refused. A zero checksum would not survive that.
    chains.push_back({"disguised",
                      "",
                      {},
                      {fmt::format("udp dport {} goto rejected", kClosedPort), "udp checksum 0 goto rejected",
                       "ct state untracked goto rejected", "ct status dnat goto rejected",
                       fmt::format("udp dport set {} accept", kClosedPort)}});
    // The port at which it is delivered: as conntrack has this host's side of the flow.
    chains.push_back(
        {"refusals",
         "type filter hook input priority 300; policy accept;",
         {},
         {fmt::format("th dport != {} accept", kClosedPort), "meta l4proto != 17 accept",
          fmt::format("ct direction original meta l4proto 17 ct reply proto-src {} accept", kClosedPort),
          fmt::format("ct direction reply meta l4proto 17 ct original proto-src {} accept", kClosedPort),
          "ct direction original udp dport set ct reply proto-src",
          "ct direction reply udp dport set ct original proto-src", "goto rejected"}});
  }

  // Services elsewhere than on this host, by whatever way this host offers.
  void add_place_chains(std::vector<Chain>& chains) const {
    if (book_.places().empty() && !book_.stealth()) return;
    Chain forward{"forward", "type filter hook forward priority mangle; policy accept;", {}, {}};
    if (book_.stealth()) forward.rules.emplace_back("ct state new fib saddr type local drop");
    if (!book_.places().empty()) {
      if (has_own_flows(program_)) {
        append(forward.rules,
               {"ip saddr . meta l4proto . th sport @elsewhere4 ct direction original jump speak",
                "ip6 saddr . meta l4proto . th sport @elsewhere6 ct direction original jump speak"});
        chains.push_back(speak());
      }
      append(forward.rules, book_.unlisted(Rulebook::When::after_routing));
      append(forward.rules, book_.at_places_by_interface());
    }
    chains.push_back(std::move(forward));
    std::set<std::string> made;
    for (const Place& place : book_.places()) {
      if (!made.insert(place_chain(place)).second) continue;
      const bool routed_alone = place.by_interface();
      chains.push_back({place_chain(place),
                        "",
                        {},
                        at_place(place, routed_alone ? Rulebook::Use::pass : Rulebook::Use::connect)});
      if (routed_alone)
        chains.push_back({routed_place_chain(place), "", {}, at_place(place, Rulebook::Use::connect)});
      if (!place.cut()) continue;
      Rules rules = book_.allowed();
      append(rules, book_.reached(place.doors));
      rules.emplace_back("drop");
      chains.push_back({cut_place_chain(place), "", {}, std::move(rules)});
    }
  }

  // The kernel takes no rule about the interface below a VRF that `gate` leads to: `gate` lets pass whoever
  // has a grant, and the others ask for the interface.
  Rules at_place(const Place& place, Rulebook::Use use) const {
    const bool tcp = place.span.protocol == Protocol::tcp;
    const std::string later = tcp ? kNotSyn + " " : "";
    Rules rules = use == Rulebook::Use::pass ? Rules{} : book_.renewing(place.doors);
    if (!place.cut()) rules.push_back(later + kGoesOn + " accept");
    append(rules, book_.allowed());
    append(rules, Rulebook::come_again(place.doors));
    append(rules, book_.reached(place.doors, use));
    if (place.cut()) {
      rules.push_back(tcp ? kNotSyn + " ct state established drop" : kGoesOn + " drop");
    } else {
      append(rules, answers(later));
      if (tcp)
        append(rules, {kNotSyn + " " + kOwnSocket + " accept", kNotSyn + " meta l4proto @underway accept"});
    }
    rules.emplace_back(program_.reject ? "goto rejected" : "drop");
    return rules;
  }

  const Rulebook& book_;
  const Program& program_;
};

}  // namespace

std::vector<Chain> door_chains(const Rulebook& book) { return Doors(book).chains(); }

}  // namespace knockwork
