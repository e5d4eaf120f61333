// The hook `gate` at prerouting: knocks, guards, and the refusal of what is plainly a stranger's.
//
// Whoever passes here is not in yet: `input` and `forward` ask again (door_chains.cpp).
#include <fmt/format.h>

#include <algorithm>

#include "ruleset/compile/port_sets.hpp"
#include "ruleset/compile/rulebook.hpp"
#include "ruleset/log.hpp"
#include "values/all_ports.hpp"

namespace knockwork {
namespace {

class Gate {
 public:
  explicit Gate(const Rulebook& book) : book_(book), program_(book.program()) {}

  std::vector<Chain> chains() const {
    std::vector<Chain> chains{gate(),
                              {"known", "", {}, known()},
                              {"protected", "", {}, admitted({{}, {}})},
                              {"refuse", "", {}, refuse()},
                              {"answered", "", {}, answered()},
                              {"rejected", "", {}, rejected()},
                              {"knock", "", {}, knock()},
                              {"judge", "", {}, judge()},
                              {"fire", "", {}, fire("expected")},
                              {"wrong", "", {}, wrong()}};
    add_later_uses(chains, "fire");
    if (program_.lockout) {
      add_later_uses(chains, "follow");
      chains.push_back({"guard", "", {}, guard()});
      chains.push_back({"muted", "", {}, muted()});
      chains.push_back({"follow", "", {}, fire("excused")});
      chains.push_back({"lockout", "", {}, lockout()});
    }
    if (has_tokens(program_)) {
      chains.push_back({"token", "", {}, token()});
      chains.push_back({"token_hit", "", {}, token_hit()});
      if (!book_.stealth()) chains.push_back({"token_heard", "", {}, token_heard()});
      chains.push_back({"token_check", "", {}, token_check()});
      chains.push_back({"token_use", "", {}, token_use()});
    }
    if (book_.stealth()) {
      chains.push_back({"elsewhere", "", {}, elsewhere()});
    } else {
      chains.push_back(closed());
      chains.push_back({"odd", "", {}, odd()});
      chains.push_back({"overheard", "", {}, overheard()});
    }
    if (any_home())
      chains.push_back({"home",
                        "",
                        {},
                        {"socket wildcard 0 fib daddr type local accept",
                         "socket wildcard 0 fib daddr . iif type local accept"}});
    for (const Segment& segment : segment_ranges(program_)) {
      chains.push_back({segment_chain(segment), "", {}, admitted(segment)});
    }
    add_cut_chains(chains);
    return chains;
  }

 private:
  // Where a packet goes that nobody answers for: on to the host, or nowhere.
  std::string pass() const { return book_.stealth() ? "drop" : "accept"; }

  // A port that concerns nobody costs one look at a bitmap, or a few comparisons.
  Rules watched() const {
    const std::string verdict = book_.stealth() ? " goto elsewhere" : " accept";
    Rules rules;
    if (const auto gaps = wide_gaps(program_)) {
      for (const std::string& gap : *gaps) rules.push_back(fmt::format("th dport {}{}", gap, verdict));
      return rules;
    }
    std::string rule = "th dport != @watched";
    if (has_watched_ranges(program_)) rule += " th dport != @watched_ranges";
    return {rule + verdict};
  }

  // Of most packets no more is asked than whether their port concerns anybody.
  Chain gate() const {
    Chain chain{"gate", "type filter hook prerouting priority mangle; policy accept;", {}, {}};
    if (!book_.stealth()) {
      chain.rules.emplace_back("tcp flags ! rst,ack tcp flags != syn / fin,syn goto odd");
      append(chain.rules, watched());
    }
    append(chain.rules, not_ours());
    chain.rules.emplace_back("ct state established jump known");
    if (book_.stealth() && book_.places().empty()) append(chain.rules, watched());
    if (any_home()) append(chain.rules, home_first());
    if (!book_.places().empty()) append(chain.rules, Rulebook::at_places("places"));
    if (book_.stealth() && !book_.places().empty()) append(chain.rules, watched());
    chain.rules.emplace_back("meta l4proto . th dport vmap @dispatch");
    if (has_watched_ranges(program_)) chain.rules.emplace_back("meta l4proto . th dport vmap @ranges");
    if (book_.stealth()) chain.rules.emplace_back("goto elsewhere");
    return chain;
  }

  // An address that `to` names may be this host's own. Only `input` knows the socket of a segment, so one for
  // this host goes on to there: if it has a socket of one address, as any connection has. Another table leads
  // nobody elsewhere in its name.
  bool any_home() const {
    return std::any_of(book_.places().begin(), book_.places().end(), [](const Place& place) {
      return !place.cut() && place.span.protocol == Protocol::tcp;
    });
  }

  static Rules home_first() {
    return {kNotSyn + " ip daddr . meta l4proto . tcp dport @elsewhere4 jump home",
            kNotSyn + " ip6 daddr . meta l4proto . tcp dport @elsewhere6 jump home"};
  }

  // Interfaces where anything goes.
  Rules not_ours() const {
    Rules rules{"iif \"lo\" accept"};
    append(rules, book_.unlisted(Rulebook::When::before_routing));
    return rules;
  }

  // What belongs to a connection of which both sides have been heard. Where connections may end
  // with their grants, those are asked about; a published port is asked about nowhere else.
  Rules known() const {
    Rules rules{kSyn + " return"};
    const bool cut = !book_.cut().empty(), place = book_.any_place_cut();
    if (cut || place) rules.emplace_back("ct direction reply accept");
    if (place) append(rules, Rulebook::at_places("cut_places"));
    if (cut) rules.emplace_back("meta l4proto . th dport vmap @cut");
    rules.emplace_back("accept");
    return rules;
  }

  // A protected port of this host. What it is to the routing table alone, `input` judges.
  Rules admitted(const Segment& ports) const {
    Rules rules{kForOthers + " accept"};
    const bool datagrams =
        !(ports.ranges.empty() && ports.doors.empty()) && ports.span.protocol == Protocol::udp;
    if (!datagrams) rules.push_back(kNotSyn + " accept");
    append(rules, book_.allowed());
    append(rules, Rulebook::dhcpv6(ports));
    append(rules, Rulebook::come_again(ports.doors));
    append(rules, book_.granted(ports));
    rules.emplace_back("goto refuse");
    return rules;
  }

  Rules refuse() const {
    if (!program_.reject) return {"drop"};
    if (book_.stealth()) return {"goto rejected"};
    return {"meta pkttype != host drop", kOnVrf + " accept", kTurnedAway + " accept"};
  }

  // A knock ends like any packet to a closed port, and where nobody listens that is what it is. Of one
  // that a socket here would hear, a connection goes to a port that is closed, so that the host
  // itself answers; a datagram is refused in `input`, where the host would.
  Rules answered() const {
    if (book_.stealth()) return {"drop"};
    return {kOnVrf + " goto overheard", "meta l4proto 17 socket wildcard 0-1 " + kOverheard + " accept",
            "meta l4proto 6 socket wildcard 0-1 " + kTurnedAway + " accept", "accept"};
  }

  // The host drops what is malformed; RFC 8200 section 8.1 forbids a zero checksum over IPv6, and
  // routing headers of type 4 are dropped by whoever does no segment routing (RFC 8754).
  static Rules rejected() {
    return {"ct state invalid drop", "meta nfproto ipv6 udp checksum 0 drop", "rt type 4 drop",
            "meta l4proto 6 reject with tcp reset", "reject"};
  }

  // Every nat chain runs at one point, in the order of their priorities: ours as early as may be.
  // Were another first, the packet is still turned away.
  static Chain closed() {
    return {
        "closed",
        "type nat hook prerouting priority -199; policy accept;",
        {},
        {"meta pkttype != other accept", fmt::format("meta l4proto 6 dnat ip to ip daddr:{}", kClosedPort),
         fmt::format("meta l4proto 6 dnat ip6 to ip6 daddr:{}", kClosedPort)}};
  }

  Rules odd() const {
    Rules rules = not_ours();
    rules.push_back(kForOthers + " accept");
    append(rules, book_.allowed());
    rules.emplace_back("drop");
    return rules;
  }

  // A knock is for an address of this host; what is broadcast or multicast is a neighbour's habit. One by a
  // VRF comes by here again, on the VRF.
  Rules knock() const {
    Rules rules{"fib daddr type local goto judge", "fib daddr . iif type local goto judge"};
    if (!book_.stealth()) rules.push_back(kOnVrf + " fib daddr . iif oif missing goto overheard");
    rules.emplace_back("accept");
    return rules;
  }

  // On a VRF, where sockets are found that are bound to it: what they would hear is refused in `input`.
  static Rules overheard() {
    return {"meta l4proto 17 socket wildcard 0-1 " + kOverheard + " accept",
            kSyn + " socket wildcard 0-1 " + kOverheard + " accept", "accept"};
  }

  // A knock counts when it is udp, or a tcp packet that opens a connection.
  Rules counting() const {
    Rules rules = book_.allowed();
    append(rules, {"ct state invalid " + pass(), kNotSyn + " accept", "meta pkttype != host " + pass()});
    return rules;
  }

  Rules locked(const std::string& where) const {
    Rules rules;
    const auto ask = [&](const std::string& four, const std::string& six) {
      rules.push_back(fmt::format("{} @{} goto {}", equals(book_.lockout4()), four, where));
      const std::string by_network = book_.lockout6() == "ip6 saddr" ? "" : "ip6 saddr != fe80::/10 ";
      rules.push_back(fmt::format("{}{} @{} goto {}", by_network, equals(book_.lockout6()), six, where));
      rules.push_back(fmt::format("ip6 saddr @{} goto {}", six, where));  // link-local ones by address
    };
    ask("locked4", "locked6");
    if (book_.strays()) ask("strays4", "strays6");
    rules.push_back("meta nfproto @overflow goto " + where);
    return rules;
  }

  // "ip6 saddr & MASK ==", or "ip6 saddr" alone.
  static std::string equals(const std::string& source) {
    return source.find('&') == std::string::npos ? source : source + " ==";
  }

  static std::string use(std::size_t layer, std::string_view chain) {
    return fmt::format("meta priority set meta l4proto . th dport map @{} jump {}", steps_map(layer), chain);
  }

  // Later uses first: what one of these rules inserts must not fire in the next. Most ports have one
  // use, and one look tells: whichever has a third has a second.
  Rules every_use(std::string_view chain) const {
    Rules rules;
    if (book_.layers() > 1) rules.push_back(use(1, fmt::format("{}_later_uses", chain)));
    rules.push_back(use(0, chain));
    return rules;
  }

  void add_later_uses(std::vector<Chain>& chains, std::string_view chain) const {
    if (book_.layers() < 2) return;
    Rules rules;
    for (std::size_t layer = book_.layers(); layer-- > 1;) rules.push_back(use(layer, chain));
    chains.push_back({fmt::format("{}_later_uses", chain), "", {}, std::move(rules)});
  }

  Rules judge() const {
    // A segment with that option gets no answer, and would leave an entry in conntrack.
    Rules rules{kNotSyn + " tcp option md5sig exists drop"};
    append(rules, counting());
    if (program_.lockout) append(rules, locked("muted"));
    append(rules, every_use("fire"));
    // Nothing fired: wrong, but for the late copy of a right knock and for what follows one that a
    // lockout swallowed.
    rules.push_back(std::string("meta pkttype host goto ") + (program_.lockout ? "muted" : "wrong"));
    rules.push_back(kClean + " goto answered");
    return rules;
  }

  // Of a source that is locked out: a sequence is followed, so that its knocks are no wrong ones,
  // and opens nothing. A flood of knocks is none that anybody meant.
  Rules muted() const {
    Rules rules{"limit rate over 2000/second burst 1000 packets goto wrong", kMuted};
    append(rules, every_use("follow"));
    append(rules, {"meta pkttype multicast goto wrong", kClean + " goto answered"});
    return rules;
  }

  // Most packets have no token, so the table of tokens is asked first. One without goes on as to any closed
  // port.
  Rules token() const {
    Rules rules{"meta priority set @th,64,128 map @tokens goto token_hit"};
    if (book_.stealth()) {
      append(rules, {"fib daddr type local drop", "fib daddr . iif type local drop", "accept"});
    } else {
      append(rules, {"meta l4proto 17 socket wildcard 0-1 goto token_heard", "accept"});
    }
    return rules;
  }

  // Gate mode, a datagram without a token at a port where a socket listens: if it is for this host, no one
  // hears it.
  static Rules token_heard() {
    return {"meta pkttype != host accept", "ct state invalid accept", "fib daddr type local goto answered",
            "fib daddr . iif type local goto answered", "accept"};
  }

  // A token is for an address of this host, as a knock is.
  static Rules token_hit() {
    return {"fib daddr type local goto token_check", "fib daddr . iif type local goto token_check",
            "meta priority set none accept"};
  }

  // Whoever sends a token spends it: neither always_allow nor a lockout matters. Whether it is right or
  // wrong, the packet goes on as one to any closed port.
  Rules token_check() const {
    return {"ct state invalid meta priority set none " + pass(),
            "meta pkttype != host meta priority set none " + pass(), "meta time @good jump token_use",
            kClean + " goto answered"};
  }

  // A token that was not used is used from now on, whatever comes of it. One rule claims and remembers it:
  // where there is no room for either, it opens nothing. Two sets, because a look at one runs its limit too.
  Rules token_use() const {
    return {"@th,64,128 @used return",
            fmt::format("add @claimed {{ @th,64,128 timeout {} }} add @used {{ @th,64,128 timeout {} }} "
                        "meta priority vmap @openers",
                        nft_time(kClaimLasts), nft_time(program_.token_memory))};
  }

  // A first step fires, and one that the source may take next.
  Rules fire(std::string_view set) const {
    Rules rules{"meta priority vmap @openers"};
    for (const auto& [source, family] : book_.sources()) {
      rules.push_back(
          fmt::format("{} . meta priority @{}{} meta priority vmap @advance", source, set, family));
    }
    if (!has_sequence_timeouts(program_)) return rules;
    for (const auto& [source, family] : book_.sources()) {
      const std::string begun =
          set == "expected" ? fmt::format("{} . meta priority @begun{} ", source, family) : "";
      rules.push_back(
          fmt::format("{}{} . meta priority @{}{} meta priority vmap @timed", begun, source, set, family));
    }
    return rules;
  }

  Rules wrong() const {
    Rules rules{kClean};
    if (program_.lockout) rules.emplace_back("jump lockout");
    rules.emplace_back("goto answered");
    return rules;
  }

  Rules guard() const {
    Rules rules{kForOthers + " accept"};
    append(rules, counting());
    // Within `all/tcp` it is a port that is shut.
    Rules shut;
    for (const Service& service : protected_services(program_)) {
      if (is_all_ports(service) && !book_.stealth())
        shut.push_back(fmt::format("meta l4proto {} goto answered", static_cast<int>(service.protocol)));
    }
    const bool accepted = shut.empty() && !book_.stealth();  // as the policy does
    rules.emplace_back(accepted ? "goto lockout" : "jump lockout");
    append(rules, shut);
    if (!accepted) rules.push_back(pass());
    return rules;
  }

  // A full set ends an update's rule: then everybody of that family is locked
  // out, for a gate that cannot punish must not open.
  Rules lockout() const {
    Rules rules = logged_wrong();
    append(rules, locking("locked", " return"));
    rules.push_back(fmt::format("update @overflow {{ meta nfproto timeout {} }}", time()));
    return rules;
  }

  std::string time() const { return nft_time(program_.lockout_time); }

  // A whole link shares fe80::/64: its neighbours are told apart by address.
  Rules locking(const std::string& sets, const std::string& then) const {
    return {fmt::format("update @{}4 {{ {} timeout {} }}{}", sets, book_.lockout4(), time(), then),
            fmt::format("ip6 saddr fe80::/10 update @{}6 {{ ip6 saddr timeout {} }}{}", sets, time(), then),
            fmt::format("ip6 saddr != fe80::/10 update @{}6 {{ {} timeout {} }}{}", sets, book_.lockout6(),
                        time(), then)};
  }

  // To nflog, without the ports: no more of the packet than its IP header.
  Rules logged_wrong() const {
    if (program_.log != Log::all) return {};
    Rules rules;
    for (const auto& [family, header] : {std::pair{"ipv4", 20}, std::pair{"ipv6", 40}}) {
      rules.push_back(fmt::format("meta nfproto {} limit rate 10/second burst 20 packets {}", family,
                                  Rulebook::log_statement(kLogWrong, header)));
    }
    return rules;
  }

  // Stealth, any other port. What is neither new nor for this host `input` decides: it drops all
  // that nobody lets in. A stray locks out as a wrong knock does, in sets of its own which may
  // run full: a flood from invented sources must not shut everybody out.
  Rules elsewhere() const {
    Rules rules{kForOthers + " accept", "meta l4proto != 17 meta l4proto != 6 accept", kNotSyn + " accept"};
    append(rules, book_.allowed());
    append(rules, book_.public_rules(Rulebook::Which::ports));
    rules.push_back(kDhcpv6);
    if (program_.lockout) {
      rules.emplace_back("ct state invalid,related drop");
      append(rules, logged_wrong());
      append(rules, locking("strays", ""));
    }
    rules.emplace_back("drop");
    return rules;
  }

  // Connections that end with their grants: silently, for an answer would have conntrack forget
  // them, and what it forgot might begin anew.
  void add_cut_chains(std::vector<Chain>& chains) const {
    if (book_.cut().empty()) return;
    const auto covered = [&](const Segment& ports) {
      Rules rules{kForOthers + " accept"};
      append(rules, book_.allowed());
      append(rules, book_.granted(ports));
      rules.emplace_back("drop");
      return rules;
    };
    if (std::any_of(book_.cut().begin(), book_.cut().end(),
                    [](const Service& service) { return service.first == service.last; }))
      chains.push_back({"cut", "", {}, covered({{}, {}})});
    for (const Segment& segment : segment_ranges(program_)) {
      if (is_cut(book_.cut(), segment))
        chains.push_back({cut_segment_chain(segment), "", {}, covered(segment)});
    }
  }

  const Rulebook& book_;
  const Program& program_;
};

}  // namespace

std::vector<Chain> gate_chains(const Rulebook& book) { return Gate(book).chains(); }

}  // namespace knockwork
