#include "naive_machine.hpp"

#include <algorithm>

namespace naive {
namespace {

using namespace knockwork;

enum class Kind { expected, begun, port_grant, range_grant, holder, lockout, stray, family_lockout };

// What a fact is about. A later fact about the same thing replaces the earlier one.
struct About {
  Kind kind;
  Network source;
  const Sequence* sequence = nullptr;
  std::size_t step = 0;
  Service service{};
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

Network family_of(const Network& address) { return {address.ipv6, {}, 0}; }

// IPv6 sources are locked out by /64.
Network lockout_unit(Network address) {
  if (!address.ipv6) return address;
  for (std::size_t byte = 8; byte < 16; ++byte) address.bytes[byte] = 0;
  address.prefix = 64;
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
    if (packet.ingress != Ingress::network || packet.destination == Destination::routed) {
      judgement.verdict = Verdict::passed_on;
    } else if (has_free_pass(packet)) {
      judgement.verdict = Verdict::accepted;
    } else if (packet.target && is_service(*packet.target)) {
      judge_service(packet, judgement);
    } else if (packet.target && is_midstream(packet)) {
      judgement.verdict = Verdict::passed_on;
    } else if (packet.target && in(spec_.public_services, *packet.target)) {
      judgement.verdict = Verdict::accepted;
    } else if (packet.target && (is_knock_port(*packet.target) || is_guard(*packet.target))) {
      if (can_knock(packet)) judge_knock(packet, judgement);
    } else if (packet.needed_by_ipv6) {
      if (stealth()) judgement.verdict = Verdict::passed_on;
    } else if (packet.target && stealth() && packet.destination == Destination::local && can_knock(packet)) {
      judge_stray(packet, judgement);
    }
    return judgement;
  }

 private:
  bool stealth() const { return spec_.mode == Mode::stealth; }

  bool has_free_pass(const Packet& packet) const {
    if (packet.conntrack == Conntrack::established || packet.conntrack == Conntrack::related) return true;
    for (const Network& network : spec_.always_allow) {
      if (in(network, packet.source)) return true;
    }
    return false;
  }

  bool is_service(Knock port) const {
    for (const Sequence& sequence : spec_.sequences) {
      if (in(sequence.opens, port)) return true;
    }
    return false;
  }

  bool is_knock_port(Knock port) const {
    for (const Sequence& sequence : spec_.sequences) {
      if (std::count(sequence.knock.begin(), sequence.knock.end(), port) > 0) return true;
    }
    return false;
  }

  bool is_guard(Knock port) const {
    if (spec_.wrong_knock == WrongKnock::ignore || spec_.guards.kind == Guards::Kind::none) return false;
    if (spec_.guards.kind == Guards::Kind::listed) {
      return std::count(spec_.guards.ports.begin(), spec_.guards.ports.end(), port) > 0;
    }
    const auto neighbour = [&](int distance) {
      const int number = port.port + distance;
      return number >= 1 && number <= 65535 &&
             is_knock_port({port.protocol, static_cast<std::uint16_t>(number)});
    };
    return neighbour(-1) || neighbour(+1);
  }

  static bool has(const Packet& packet, std::uint8_t flag) { return (packet.flags & flag) != 0; }

  static bool is_midstream(const Packet& packet) {
    return packet.target->protocol == Protocol::tcp && has(packet, tcp_flag::ack) &&
           !has(packet, tcp_flag::syn);
  }

  static bool can_knock(const Packet& packet) {
    if (packet.conntrack == Conntrack::invalid) return false;
    if (packet.target->protocol == Protocol::udp) return true;
    return has(packet, tcp_flag::syn) && !has(packet, tcp_flag::ack) && !has(packet, tcp_flag::fin) &&
           !has(packet, tcp_flag::rst);
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

  void judge_service(const Packet& packet, Judgement& judgement) const {
    for (const Sequence& sequence : spec_.sequences) {
      for (const Service& service : sequence.opens) {
        if (!in({service}, *packet.target)) continue;
        judgement.left = std::max(judgement.left, end_of(grant(packet, service)) - now_);
      }
    }
    const bool refused_like_closed =
        spec_.refuse == Refuse::reject || (spec_.refuse == Refuse::automatic && !stealth());
    if (judgement.left > Instant(0)) {
      judgement.verdict = Verdict::accepted;
    } else if (is_midstream(packet)) {
      judgement.verdict = Verdict::passed_on;
    } else {
      judgement.verdict = refused_like_closed ? Verdict::refused_by_reject : Verdict::dropped;
    }
  }

  static About grant(const Packet& packet, const Service& service) {
    return {service.first == service.last ? Kind::port_grant : Kind::range_grant, packet.source, nullptr, 0,
            service};
  }

  bool is_locked_out(const Packet& packet) const {
    return holds({Kind::lockout, lockout_unit(packet.source)}) ||
           holds({Kind::stray, lockout_unit(packet.source)}) ||
           holds({Kind::family_lockout, family_of(packet.source)});
  }

  static bool may_come_from(const Sequence& sequence, const Network& source) {
    return sequence.from.empty() || std::any_of(sequence.from.begin(), sequence.from.end(),
                                                [&](const Network& network) { return in(network, source); });
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
          if (may_come_from(*sequence, packet.source) && is_due(*sequence, step, packet.source))
            hits.push_back({sequence, step});
        }
      }
    }
    for (const Hit& hit : hits) judgement.fired.push_back({hit.sequence->name, hit.step});
    std::reverse(hits.begin(), hits.end());
    for (const Hit& hit : hits) advance(packet, *hit.sequence, hit.step, judgement);
    std::sort(judgement.granted.begin(), judgement.granted.end());
    judgement.granted.erase(std::unique(judgement.granted.begin(), judgement.granted.end()),
                            judgement.granted.end());
    if (hits.empty()) punish(packet, judgement);
  }

  void advance(const Packet& packet, const Sequence& sequence, std::size_t step, Judgement& judgement) {
    if (step == 0 && sequence.sequence_timeout) {
      for (std::size_t later = 1; later < sequence.knock.size(); ++later) {
        note({Kind::begun, packet.source, &sequence, later}, *sequence.sequence_timeout);
      }
    }
    if (step + 1 < sequence.knock.size()) {
      note({Kind::expected, packet.source, &sequence, step + 1}, sequence.step_timeout);
      return;
    }
    if (!note({Kind::holder, packet.source, &sequence}, sequence.open_for)) return;
    std::vector<Service> services = sequence.opens;
    std::sort(services.begin(), services.end());
    for (const Service& service : services) {
      if (note(grant(packet, service), sequence.open_for)) judgement.granted.push_back(service);
    }
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
