#include "naive_machine.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace naive {
namespace {

using namespace knockwork;

enum class Kind {
  expected,
  excused,
  begun,
  port_grant,
  range_grant,
  remote_grant,
  holder,
  pause,
  lockout,
  stray,
  family_lockout
};

// What a fact is about. A later fact about the same thing replaces the earlier one.
struct About {
  Kind kind;
  Network source;
  const Sequence* sequence = nullptr;
  std::size_t step = 0;
  Service service{};
  std::vector<Network> to{};
  std::vector<std::string> interfaces{};
  std::vector<std::tuple<Service, std::vector<Network>, std::vector<std::string>>> doors{};
  bool operator==(const About&) const = default;
};

struct Fact {
  About about;
  Instant until;
};

bool in(const Network& network, const Network& address) {
  if (network.ipv6 != address.ipv6) return false;
  for (unsigned bit = 0; bit < network.prefix; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if ((network.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

bool in(const std::vector<Service>& services, Knock port) {
  for (const Service& service : services) {
    if (service.protocol == port.protocol && port.port >= service.first && port.port <= service.last)
      return true;
  }
  return false;
}

// "eth0", "eth*" or "!eth0"; no name at all means any.
bool came_by(const std::vector<std::string>& interfaces, const std::string& name) {
  if (interfaces.empty() || name.empty()) return true;
  const bool all_but = interfaces[0][0] == '!';
  bool found = false;
  for (std::string each : interfaces) {
    if (all_but) each.erase(0, 1);
    found = found || each == name || (each.back() == '*' && name.find(each.substr(0, each.size() - 1)) == 0);
  }
  return found != all_but;
}

Network family_of(const Network& address) { return {address.ipv6, {}, 0}; }

// So many bits of an address.
Network bits_of(Network address, int bits) {
  for (int bit = bits; bit < (address.ipv6 ? 128 : 32); ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    auto& byte = address.bytes[static_cast<std::size_t>(bit / 8)];
    byte = static_cast<std::uint8_t>(byte & ~mask);
  }
  address.prefix = static_cast<std::uint8_t>(bits);
  return address;
}

class Judge {
 public:
  Judge(const Spec& spec) : spec_(spec) {
    for (const Sequence& sequence : spec.sequences) by_name_.push_back(&sequence);
    std::sort(by_name_.begin(), by_name_.end(),
              [](auto* left, auto* right) { return left->name < right->name; });
  }

  Judgement next(const Packet& packet) {
    now_ = packet.time;
    Judgement judgement;
    judgement.verdict = stealth() ? Verdict::dropped : Verdict::passed_on;
    const std::vector<Door> doors = doors_before(packet);
    if (is_used(packet, doors)) use(packet, doors);
    if (packet.ingress != Ingress::network ||
        (packet.destination == DestinationType::routed && doors.empty())) {
      judgement.verdict = Verdict::passed_on;
    } else if (packet.target && is_token_port(*packet.target) && !belongs_to_a_connection(packet)) {
      if (can_knock(packet)) judge_token(packet, judgement);
      const bool elsewhere = packet.destination != DestinationType::local;
      if (elsewhere && is_always_allowed(packet)) judgement.verdict = Verdict::accepted;
    } else if (is_always_allowed(packet)) {
      judgement.verdict = Verdict::accepted;
    } else if (packet.target && is_nonsense(packet) && packet.destination != DestinationType::routed) {
      judgement.verdict = Verdict::dropped;
    } else if (!doors.empty()) {
      judge_service(packet, doors, judgement);
    } else if (belongs_to_a_connection(packet)) {
      judgement.verdict = Verdict::accepted;
    } else if (packet.target && in(spec_.public_services, *packet.target)) {
      judgement.verdict = Verdict::accepted;
    } else if (packet.target && is_tcp(packet) && !begins(packet)) {
      if (stealth() && packet.ours) judgement.verdict = Verdict::accepted;
    } else if (packet.target && (is_knock_port(*packet.target) || is_guard(*packet.target))) {
      if (can_knock(packet)) judge_knock(packet, judgement);
    } else if (packet.needed_by_ipv6 || (packet.ping && spec_.ping)) {
      if (stealth()) judgement.verdict = Verdict::passed_on;
    } else if (packet.target && stealth() && can_knock(packet) && packet.conntrack != Conntrack::related) {
      judge_stray(packet, judgement);
    }
    return judgement;
  }

 private:
  bool stealth() const { return spec_.mode == Mode::stealth; }

  struct Door {
    const Sequence* sequence;
    Service service;
  };

  // An address that a `to` names has its own doors; the others are this host's.
  std::vector<Door> doors_before(const Packet& packet) const {
    std::vector<Door> there, here;
    if (!packet.target) return there;
    for (const Sequence& sequence : spec_.sequences) {
      for (const Service& service : sequence.opens) {
        if (!in({service}, *packet.target)) continue;
        if (sequence.to.empty()) here.push_back({&sequence, service});
        for (const Network& network : sequence.to) {
          if (!packet.address || !in(network, *packet.address)) continue;
          there.push_back({&sequence, service});
          break;
        }
      }
    }
    if (!there.empty()) return there;
    return packet.destination == DestinationType::routed ? there : here;
  }

  // A client's own packet of a connection that both sides have spoken in, and none that is lost before.
  bool is_used(const Packet& packet, const std::vector<Door>& doors) const {
    if (doors.empty() || packet.ingress != Ingress::network || packet.conntrack != Conntrack::established)
      return false;
    const bool lost =
        is_nonsense(packet) && packet.destination != DestinationType::routed && !is_always_allowed(packet);
    return !packet.reply && !(is_tcp(packet) && begins(packet)) && !lost;
  }

  static Duration tenth(Duration duration) {
    const std::int64_t tenth = duration.milliseconds() / 1000 * 100;
    return Duration::milliseconds(tenth > 100 ? tenth : 100);
  }

  // A port of this host by itself, and the ranges over it; the doors of a place all together.
  void use(const Packet& packet, const std::vector<Door>& doors) {
    std::vector<Door> rest;
    std::map<std::pair<Service, std::vector<std::string>>, std::vector<Door>> conditional;
    for (const Door& door : doors) {
      const std::vector<std::string>& interfaces = door.sequence->interfaces;
      if (door.sequence->to.empty() && (!interfaces.empty() || door.service.first == door.service.last)) {
        std::vector<Door> same;
        std::copy_if(doors.begin(), doors.end(), std::back_inserter(same), [&](const Door& other) {
          return other.service == door.service && other.sequence->interfaces == interfaces;
        });
        if (same.front().sequence != door.sequence) continue;
        if (interfaces.empty()) {
          use_together(packet, same);
        } else {
          conditional[{door.service, interfaces}] = same;
        }
      } else {
        rest.push_back(door);
      }
    }
    use_together(packet, rest);
    for (const auto& [what, same] : conditional) use_together(packet, same);
  }

  void use_together(const Packet& packet, const std::vector<Door>& doors) {
    About about{Kind::pause, person(packet)};
    std::vector<const Sequence*> lasting;
    for (const Door& door : doors) {
      const std::tuple one{door.service, door.sequence->to, door.sequence->interfaces};
      if (std::count(about.doors.begin(), about.doors.end(), one) == 0) about.doors.push_back(one);
      if (door.sequence->prolong && std::count(lasting.begin(), lasting.end(), door.sequence) == 0)
        lasting.push_back(door.sequence);
    }
    if (lasting.empty() || time_left(packet, doors) <= Instant(0)) return;
    std::sort(about.doors.begin(), about.doors.end());
    if (holds(about)) return;
    std::sort(lasting.begin(), lasting.end(), [](const Sequence* left, const Sequence* right) {
      return std::pair(left->open_for, left->name) < std::pair(right->open_for, right->name);
    });
    for (const Sequence* sequence : lasting) {
      const About holder{Kind::holder, person(packet), sequence};
      if (!holds(holder)) continue;
      const Duration longer = Duration::milliseconds(sequence->open_for.milliseconds() +
                                                     tenth(sequence->open_for).milliseconds());
      note(holder, longer);
      std::vector<Service> services = sequence->opens;
      std::sort(services.begin(), services.end());
      for (const Service& service : services) note(grant(packet, *sequence, service), longer);
    }
    note(about, tenth(lasting.front()->open_for));
  }

  static bool is_tcp(const Packet& packet) { return packet.target->protocol == Protocol::tcp; }
  static bool begins(const Packet& packet) {
    return has(packet, tcp_flag::syn) && !has(packet, tcp_flag::ack) && !has(packet, tcp_flag::fin) &&
           !has(packet, tcp_flag::rst);
  }

  static bool belongs_to_a_connection(const Packet& packet) {
    if (packet.conntrack == Conntrack::related) return !packet.target;
    if (packet.conntrack != Conntrack::established) return false;
    return !packet.target || !is_tcp(packet) || !begins(packet);
  }

  // What closed ports answer and open ones ignore goes in at no port.
  bool is_nonsense(const Packet& packet) const {
    return !stealth() && packet.target->protocol == Protocol::tcp &&
           (has(packet, tcp_flag::fin) || !has(packet, tcp_flag::syn)) && !has(packet, tcp_flag::ack) &&
           !has(packet, tcp_flag::rst);
  }

  bool refuses_like_closed() const {
    return spec_.refuse == Refuse::reject || (spec_.refuse == Refuse::automatic && !stealth());
  }

  Network person(const Packet& packet) const {
    return bits_of(packet.source, packet.source.ipv6 ? spec_.ipv6_prefix : spec_.ipv4_prefix);
  }
  Network lockout_unit(const Network& address) const {
    if (!address.ipv6) return bits_of(address, spec_.ipv4_prefix);
    if (in(*parse_network("fe80::/10"), address)) return address;
    return bits_of(address, spec_.ipv6_prefix < 64 ? spec_.ipv6_prefix : 64);
  }

  bool is_always_allowed(const Packet& packet) const {
    for (const Network& network : spec_.always_allow) {
      if (in(network, packet.source)) return true;
    }
    return false;
  }

  bool is_knock_port(Knock port) const {
    for (const Sequence& sequence : spec_.sequences) {
      if (std::count(sequence.knock.begin(), sequence.knock.end(), port) > 0) return true;
    }
    return false;
  }

  bool is_token_port(Knock port) const {
    for (const Sequence& sequence : spec_.sequences) {
      if (sequence.token && sequence.token->port == port) return true;
    }
    return false;
  }

  bool is_guard(Knock port) const {
    if (is_token_port(port)) return false;
    if (spec_.wrong_knock == WrongKnock::ignore || spec_.guards.kind == Guards::Kind::none) return false;
    if (spec_.guards.kind == Guards::Kind::listed) {
      return std::count(spec_.guards.ports.begin(), spec_.guards.ports.end(), port) > 0;
    }
    for (const Sequence& sequence : spec_.sequences) {
      if (in(sequence.opens, port)) return false;
    }
    const auto neighbour = [&](int distance) {
      const int number = port.port + distance;
      return number >= 1 && number <= 65535 &&
             is_knock_port({port.protocol, static_cast<std::uint16_t>(number)});
    };
    return neighbour(-1) || neighbour(+1);
  }

  static bool has(const Packet& packet, std::uint8_t flag) { return (packet.flags & flag) != 0; }

  static bool can_knock(const Packet& packet) {
    if (packet.conntrack == Conntrack::invalid || packet.destination != DestinationType::local) return false;
    return !is_tcp(packet) || begins(packet);
  }

  // When what was last said about something ends; the past if it has ended.
  Instant end_of(const About& about) const {
    for (auto fact = log_.rbegin(); fact != log_.rend(); ++fact) {
      if (fact->about == about) return std::max(fact->until, now_);
    }
    return now_;
  }
  bool holds(const About& about) const { return end_of(about) > now_; }

  // How many things of a kind hold now, in one family.
  std::size_t crowd(Kind kind, bool ipv6) const {
    std::size_t count = 0;
    for (std::size_t at = 0; at < log_.size(); ++at) {
      const About& about = log_[at].about;
      if (about.kind != kind || about.source.ipv6 != ipv6 || !holds(about)) continue;
      const bool repeated = std::any_of(log_.begin() + static_cast<std::ptrdiff_t>(at) + 1, log_.end(),
                                        [&](const Fact& later) { return later.about == about; });
      if (!repeated) ++count;
    }
    return count;
  }

  bool note(const About& about, Duration duration) {
    const bool room = holds(about) || crowd(about.kind, about.source.ipv6) < spec_.sources;
    if (room) log_.push_back({about, now_ + Instant(duration.milliseconds())});
    return room;
  }

  Instant time_left(const Packet& packet, const std::vector<Door>& doors) const {
    Instant left{0};
    for (const Door& door : doors) {
      if (!came_by(door.sequence->interfaces, packet.interface)) continue;
      left = std::max(left, end_of(grant(packet, *door.sequence, door.service)) - now_);
    }
    return left;
  }

  void judge_service(const Packet& packet, const std::vector<Door>& doors, Judgement& judgement) const {
    judgement.left = time_left(packet, doors);
    if (judgement.left > Instant(0)) {
      judgement.verdict = Verdict::accepted;
      return;
    }
    judgement.verdict = refuses_like_closed() ? Verdict::refused_by_reject : Verdict::dropped;
    const bool later = !is_tcp(packet) || !begins(packet);
    const bool heard = packet.conntrack == Conntrack::established;
    const bool ends = std::any_of(doors.begin(), doors.end(),
                                  [](const Door& door) { return door.sequence->on_expiry == OnExpiry::cut; });
    if (ends) {
      if (later && is_tcp(packet) && (heard || packet.ours)) judgement.verdict = Verdict::dropped;
      if (later && !is_tcp(packet) && heard && !packet.reply) judgement.verdict = Verdict::dropped;
      if (judgement.verdict == Verdict::dropped && later && (heard || (is_tcp(packet) && packet.ours)))
        return;
    } else if (later && ((heard && !packet.reply) || (packet.ours && (heard || is_tcp(packet))))) {
      judgement.verdict = Verdict::accepted;
      return;
    }
    const bool here = doors[0].sequence->to.empty();
    if (is_tcp(packet) && !begins(packet) && here && !stealth() && refuses_like_closed()) {
      judgement.verdict = Verdict::passed_on;  // to be answered as at a closed port
    }
  }

  About grant(const Packet& packet, const Sequence& sequence, const Service& service) const {
    const Kind here = service.first == service.last ? Kind::port_grant : Kind::range_grant;
    return {sequence.to.empty() && sequence.interfaces.empty() ? here : Kind::remote_grant,
            person(packet),
            nullptr,
            0,
            service,
            sequence.to,
            sequence.interfaces};
  }

  bool is_locked_out(const Packet& packet) const {
    return holds({Kind::lockout, lockout_unit(packet.source)}) ||
           holds({Kind::stray, lockout_unit(packet.source)}) ||
           holds({Kind::family_lockout, family_of(packet.source)});
  }

  static bool may_come_from(const Sequence& sequence, const Packet& packet) {
    if (!came_by(sequence.interfaces, packet.interface)) return false;
    return sequence.from.empty() ||
           std::any_of(sequence.from.begin(), sequence.from.end(),
                       [&](const Network& network) { return in(network, packet.source); });
  }

  bool is_due(const Sequence& sequence, std::size_t step, const Network& source) const {
    if (step == 0) return true;
    if (!holds({Kind::expected, source, &sequence, step})) return false;
    return !sequence.sequence_timeout || holds({Kind::begun, source, &sequence, step});
  }

  void judge_knock(const Packet& packet, Judgement& judgement) {
    struct Hit {
      const Sequence* sequence;
      std::size_t step;
    };
    std::vector<Hit> hits;  // all of them found before any takes effect
    if (!is_locked_out(packet)) {
      for (const Sequence* sequence : by_name_) {
        for (std::size_t step = 0; step < sequence->knock.size(); ++step) {
          if (sequence->knock[step] != *packet.target) continue;
          if (!may_come_from(*sequence, packet) || !is_due(*sequence, step, person(packet))) continue;
          const bool used = step + 1 == sequence->knock.size() && spent_.contains(sequence);
          if (!used || holds({Kind::holder, person(packet), sequence})) hits.push_back({sequence, step});
        }
      }
    }
    for (const Hit& hit : hits) judgement.fired.push_back({hit.sequence->name, hit.step});
    std::reverse(hits.begin(), hits.end());
    for (const Hit& hit : hits) advance(packet, *hit.sequence, hit.step, judgement);
    std::sort(judgement.granted.begin(), judgement.granted.end());
    judgement.granted.erase(std::unique(judgement.granted.begin(), judgement.granted.end()),
                            judgement.granted.end());
    if (is_knock_port(*packet.target) && !stealth()) judgement.verdict = Verdict::refused_by_reject;
    if (hits.empty() && !forgives(packet)) punish(packet, judgement);
  }

  // A late copy of a right knock is none that is wrong, nor is one that follows what a lockout
  // swallowed. Whatever is forgiven is so again, and what comes after it.
  bool forgives(const Packet& packet) {
    if (spec_.wrong_knock == WrongKnock::ignore) return false;
    std::vector<About> forgiven;
    for (const Sequence* sequence : by_name_) {
      if (!may_come_from(*sequence, packet)) continue;
      for (std::size_t step = 0; step < sequence->knock.size(); ++step) {
        const About about{Kind::excused, person(packet), sequence, step};
        if (sequence->knock[step] == *packet.target && (step == 0 || holds(about))) forgiven.push_back(about);
      }
    }
    const bool any = !forgiven.empty();
    std::reverse(forgiven.begin(), forgiven.end());
    for (About about : forgiven) {
      note(about, patience());
      if (++about.step < about.sequence->knock.size()) note(about, patience());
    }
    return any;
  }

  Duration patience() const {
    Duration longest = Duration::milliseconds(8000);
    for (const Sequence& sequence : spec_.sequences) {
      if (sequence.step_timeout.milliseconds() > longest.milliseconds()) longest = sequence.step_timeout;
    }
    return longest;
  }

  void advance(const Packet& packet, const Sequence& sequence, std::size_t step, Judgement& judgement) {
    const std::size_t steps = sequence.token ? 1 : sequence.knock.size();
    if (step + 1 == steps && spent_.contains(&sequence)) return;
    if (spec_.wrong_knock == WrongKnock::lockout)
      note({Kind::excused, person(packet), &sequence, step}, patience());
    if (step == 0 && sequence.sequence_timeout) {
      for (std::size_t later = 1; later < sequence.knock.size(); ++later) {
        note({Kind::begun, person(packet), &sequence, later}, *sequence.sequence_timeout);
      }
    }
    if (step + 1 < steps) {
      note({Kind::expected, person(packet), &sequence, step + 1}, sequence.step_timeout);
      return;
    }
    if (!sequence.closes.empty()) return close(packet, sequence.closes);
    if (!note({Kind::holder, person(packet), &sequence}, sequence.open_for)) return;
    if (sequence.once) spent_.insert(&sequence);
    std::vector<Service> services = sequence.opens;
    std::sort(services.begin(), services.end());
    for (const Service& service : services) {
      if (note(grant(packet, sequence, service), sequence.open_for)) judgement.granted.push_back(service);
    }
  }

  // Whoever holds a grant of that sequence has none from now on.
  void close(const Packet& packet, const std::string& name) {
    for (const Sequence* sequence : by_name_) {
      const About holder{Kind::holder, person(packet), sequence};
      if (sequence->name != name || !holds(holder)) continue;
      log_.push_back({holder, now_});
      for (const Service& service : sequence->opens)
        log_.push_back({grant(packet, *sequence, service), now_});
    }
  }

  // A token is gone whoever sent it. Only then it matters whose it was.
  void judge_token(const Packet& packet, Judgement& judgement) {
    if (!stealth()) judgement.verdict = Verdict::refused_by_reject;
    if (!packet.token) return;
    for (const Sequence* sequence : by_name_) {
      if (!sequence->token || sequence->name != packet.token->sequence) continue;
      if (!used_tokens_.insert(*packet.token).second) return;
      judgement.used_token = true;
      if (!may_come_from(*sequence, packet)) return;
      if (spent_.contains(sequence) && !holds({Kind::holder, person(packet), sequence})) return;
      judgement.fired.push_back({sequence->name, 0});
      advance(packet, *sequence, 0, judgement);
    }
    judgement.granted.erase(std::unique(judgement.granted.begin(), judgement.granted.end()),
                            judgement.granted.end());
  }

  void judge_stray(const Packet& packet, Judgement& judgement) {
    if (spec_.wrong_knock == WrongKnock::ignore) return;
    judgement.wrong = true;
    if (note({Kind::stray, lockout_unit(packet.source)}, spec_.lockout)) judgement.locked = Lockout::source;
  }

  void punish(const Packet& packet, Judgement& judgement) {
    judgement.wrong = true;
    if (spec_.wrong_knock == WrongKnock::ignore) return;
    if (note({Kind::lockout, lockout_unit(packet.source)}, spec_.lockout)) {
      judgement.locked = Lockout::source;
    } else {
      judgement.locked = Lockout::family;
      log_.push_back(
          {{Kind::family_lockout, family_of(packet.source)}, now_ + Instant(spec_.lockout.milliseconds())});
    }
  }

  const Spec& spec_;
  std::vector<const Sequence*> by_name_;
  std::vector<Fact> log_;
  std::set<const Sequence*> spent_;
  std::set<SentToken> used_tokens_;
  Instant now_{0};
};

}  // namespace

std::vector<Judgement> judge(const Spec& spec, const std::vector<Packet>& history) {
  Judge judge(spec);
  std::vector<Judgement> judgements;
  for (const Packet& packet : history) judgements.push_back(judge.next(packet));
  return judgements;
}

}  // namespace naive
