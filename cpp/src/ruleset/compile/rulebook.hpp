// What the files that write chains share: the program, and how its rules speak.
//
// Three hooks do the work. `gate` (prerouting) listens for knocks and refuses early; `input`
// and `forward` stand where a packet is delivered, after routing and after everybody's
// address translation, and let nobody in to a protected service without a grant.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ruleset/compile/chains.hpp"
#include "ruleset/places/places.hpp"

namespace knockwork {

using Rules = std::vector<std::string>;

inline void append(Rules& rules, const Rules& more) { rules.insert(rules.end(), more.begin(), more.end()); }

// The first segment of a TCP connection, and every other segment. A SYN is a new
// connection, whatever conntrack remembers of the last one.
inline const std::string kSyn = "tcp flags syn / fin,syn,rst,ack";
inline const std::string kNotSyn = "tcp flags != syn / fin,syn,rst,ack";
// Of a flow that this side has answered. It is dropped where the flow ended with its grant, and `gate` did
// not know it by its port, since another table translates it.
inline const std::string kGoesOn = "ct state established ct direction original";
// A packet that is not for this host. An address in a VRF is local only by the interface that has it.
inline const std::string kForOthers = "fib daddr type != local fib daddr . iif type != local";
// A packet that has come by a member before. It is too late to redirect it, and here a reset would find no
// route: `input` refuses it.
inline const std::string kOnVrf = "meta iifkind \"vrf\"";
// The priority is a scratch register that carries an edge, the packet type a flag of two bits:
// they are those of any packet again when a knock goes on. The mark is never touched.
inline const std::string kFired = "meta pkttype set broadcast";
inline const std::string kMuted = "meta pkttype set multicast";  // by a lockout: nothing opens
inline const std::string kExcused = "meta pkttype set other";
inline const std::string kClean = "meta pkttype set host meta priority set none";
// A packet that nothing may come of: the kernel forwards none of this type, and hands no
// segment of it to a socket. `closed` and `input` see to its answer.
inline const std::string kTurnedAway = "meta pkttype set other";
// A knock that a local socket would hear: the priority is a flag up to `input`.
inline const std::string kOverheard = "meta priority set " + std::string(kOverheardPriority);
// The connection that this host's own kernel knows the segment to belong to: early demux has
// found its socket (tcp_v4_early_demux in Linux), so it can begin nothing.
inline const std::string kOwnSocket = "meta skuid 0-4294967295";
// It finds one for what is sent to everybody as well, whoever may use it.
inline const std::string kOwnSocketOfStealth = "meta pkttype host " + kOwnSocket;

// RFC 8415: replies of DHCPv6 come from link-local addresses.
inline const std::string kDhcpv6 = "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept";

class Rulebook {
 public:
  Rulebook(const Program& program, std::size_t layers)
      : program_(program),
        layers_(layers),
        places_(find_places(remote_doors(program))),
        cut_(cut_services(program)) {}

  const Program& program() const { return program_; }
  std::size_t layers() const { return layers_; }
  const std::vector<Place>& places() const { return places_; }
  const std::vector<Service>& cut() const { return cut_; }

  bool stealth() const { return program_.mode == Mode::stealth; }
  bool strays() const { return stealth() && program_.lockout; }
  bool any_place_cut() const;
  bool any_place_by_interface() const;

  // `prolong`: what a packet of a connection goes through at these doors first, so that its grants last. One
  // door, the ranges over a port, or those of a place; nothing where no sequence prolongs a grant there.
  Rules renewing(const std::vector<Door>& doors) const;

  // How a source is called in each family's sets.
  std::vector<std::pair<std::string, char>> sources() const {
    return {{source4(program_.ipv4_prefix), '4'}, {source6(program_.ipv6_prefix), '6'}};
  }
  std::string lockout6() const { return source6(lockout_prefix(program_)); }
  std::string lockout4() const { return source4(program_.ipv4_prefix); }

  // Sources that never need to knock.
  Rules allowed() const;
  // By a grant for the port itself, for a range over it, or for a conditional door.
  // To pass the first hook looks at the grant alone. To connect takes one of the connections away that it
  // lets in, and what goes on needs none that is counted; both ask for the interface.
  enum class Use { pass, connect, go_on };
  Rules granted(const Segment& segment, Use use = Use::pass) const;
  Rules ranged(const std::vector<Service>& ranges) const;
  Rules reached(const std::vector<Door>& doors, Use use = Use::pass) const;
  // What is no new connection to a door with `connections`, though it looks like one.
  static Rules come_again(const std::vector<Door>& doors);
  // What IPv6 needs of the ports of `all/udp`.
  static Rules dhcpv6(const Segment& ports);
  // "… vmap @places4" and the same of the other family.
  static Rules at_places(const std::string& maps);
  // All places, where a packet is delivered.
  Rules at_places_by_interface() const;
  // No more of the packet than its IP header, so that no port is told.
  static std::string log_statement(std::string_view prefix, int bytes);
  // Stealth: what `public` lets in by more than a port.
  enum class Which { all, ports };
  Rules public_rules(Which which) const;
  // Packets that came in where nothing is protected. After routing, a VRF has taken its member's place.
  enum class When { before_routing, after_routing };
  Rules unlisted(When when) const;

 private:
  const Program& program_;
  std::size_t layers_;
  std::vector<Place> places_;
  std::vector<Service> cut_;
};

// `update @granted4 { ip saddr . meta l4proto & 6 | 6 . 22 timeout 30s }`, wherever a grant for the service
// is.
std::string granting(const Track& track, const Service& service, const std::string& source, char family,
                     std::string_view time);
// The same for each of its services, and for each of its connections.
Rules granting_all(const Track& track, const std::string& source, char family, std::string_view time);

void add_connection_sets(std::vector<Set>& sets, const Program& program);

// The chains of each file.
std::vector<Chain> gate_chains(const Rulebook& book);        // prerouting: knocks, and refusals
std::vector<Chain> door_chains(const Rulebook& book);        // input, forward, output: who gets in
std::vector<Chain> sequence_chains(const Rulebook& book);    // what firing a step does
std::vector<Chain> prolong_chains(const Rulebook& book);     // how use renews a grant
std::vector<Chain> connection_chains(const Rulebook& book);  // how a grant lets in so many connections

}  // namespace knockwork
