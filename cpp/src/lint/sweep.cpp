#include "lint/sweep.hpp"

#include <algorithm>
#include <set>

namespace knockwork {
namespace {

constexpr std::int64_t kFiner = 1000;         // a sweep may send many packets in one of the clock's ticks
constexpr std::size_t kConfirmed = 3;         // strides that the machine sees in any case
constexpr std::size_t kMostConfirmed = 30;    // and where other sequences may be in the way
constexpr std::size_t kMostTried = 20000000;  // strides of all sequences together: a few seconds
constexpr std::uint32_t kLast = kPorts;       // the last port

// No list of addresses is in the way of the source that sweeps.
Program for_anyone(Program program) {
  program.always_allow.clear();
  program.interfaces.clear();
  program.left_out.clear();
  for (Track& track : program.tracks) {
    track.from.clear();
    track.on.clear();
  }
  return program;
}

Duration finer(Duration duration) { return Duration::milliseconds(duration.milliseconds() * kFiner); }

Program finer(Program program) {
  program.lockout_time = finer(program.lockout_time);
  for (Track& track : program.tracks) {
    track.step_timeout = finer(track.step_timeout);
    track.open_for = finer(track.open_for);
    if (track.sequence_timeout) track.sequence_timeout = finer(*track.sequence_timeout);
  }
  return program;
}

struct Rate {  // so much time for so many ports
  std::int64_t time = 0, ports = 1;
};

// The slowest that still takes every step in time, and some that anyone would try.
std::vector<Rate> rates(const Program& program, const Track& track, std::uint32_t gap, std::uint32_t span) {
  const std::int64_t second = 1000 * kFiner;
  const std::int64_t lockout = program.lockout_time.milliseconds() * kFiner;
  const std::int64_t step = track.step_timeout.milliseconds() * kFiner;
  std::vector<Rate> rates{{second / 10, kPorts}, {second, 2000}, {step / 2, 1}, {lockout + second / 10, 1}};
  if (gap == 0) return rates;
  Rate slowest{step - 2, gap};
  if (track.sequence_timeout) {
    const Rate whole{track.sequence_timeout->milliseconds() * kFiner - 2, span};
    if (whole.time * slowest.ports < slowest.time * whole.ports) slowest = whole;
  }
  rates.insert(rates.begin(), slowest);  // the one that most sweeps open by
  return rates;
}

void add_divisors(std::set<std::uint32_t>& divisors, std::uint32_t number) {
  for (std::uint32_t low = 1; low * low <= number; ++low) {
    if (number % low != 0) continue;
    divisors.insert(low);
    divisors.insert(number / low);
  }
}

Packet packet_to(Knock target, std::int64_t time) {
  Packet packet;
  packet.time = Instant(time);
  packet.source.bytes = {192, 0, 2, 1};
  packet.source.prefix = 32;
  packet.target = target;
  return packet;
}

}  // namespace

std::uint32_t Order::place(std::uint16_t port) const { return Places(*this).of(port); }

std::uint32_t Places::of(std::uint16_t port) const {
  if (order_.direction == Order::Direction::descending) return kLast - port;
  const std::uint32_t residue = port % order_.stride, round = port / order_.stride;
  if (residue == 0) return round - 1;  // there is no port 0
  return residue * rounds_ + std::min(residue - 1, rest_) + round;
}

Sweeps::Sweeps(const Program& program) : program_(for_anyone(program)), machine_(finer(program_)) {
  for (std::size_t track = 0; track < program_.tracks.size(); ++track) {
    if (program_.tracks[track].token) continue;
    const std::vector<Edge>& edges = program_.tracks[track].edges;
    for (std::size_t step = 0; step < edges.size(); ++step) uses_.push_back({edges[step].knock, track, step});
  }
  std::sort(uses_.begin(), uses_.end());
  const auto mark = [this](const Service& service, Kind kind) {
    for (std::uint32_t port = service.first; port <= service.last; ++port) {
      side(service.protocol).kinds[port] = kind;
    }
  };
  if (program_.mode == Mode::stealth && program_.lockout) {
    for (Side& each : sides_) std::fill(each.kinds.begin() + 1, each.kinds.end(), Kind::wrong);
    for (const Service& service : program_.public_services) mark(service, Kind::quiet);
    for (const Service& service : protected_services(program_)) mark(service, Kind::quiet);
  }
  for (const Knock& port : token_ports(program_)) side(port.protocol).kinds[port.port] = Kind::quiet;
  for (const Knock& guard : program_.guards) side(guard.protocol).kinds[guard.port] = Kind::wrong;
  for (std::uint32_t at = 0; at < uses_.size(); ++at) {
    const Use& use = uses_[at];
    Side& here = side(use.knock.protocol);
    here.kinds[use.knock.port] = Kind::knock;
    if (use.step == 0) here.first[use.knock.port] = 1;
    Uses& uses = here.uses[use.knock.port];
    if (uses.end == 0) uses.begin = at;
    uses.end = at + 1;
  }
  list_watched();
}

void Sweeps::list_watched() {
  for (Side& each : sides_) {
    for (std::uint32_t port = 1; port <= kLast; ++port) {
      if (each.kinds[port] == Kind::quiet) continue;
      each.watched.push_back(static_cast<std::uint16_t>(port));
      if (program_.lockout && each.first[port] == 0) ++each.wrong;
    }
  }
}

bool Sweeps::opens(std::size_t track, Order order) const {
  const std::optional<Passage> through = passage(track, order);
  return through && meets(program_.tracks[track], *through, order) != Meets::wrong &&
         confirmed(track, *through, order);
}

Strides Sweeps::strides(std::size_t track) const {
  // One port per lockout meets a single knock unlocked, whatever the order.
  if (program_.tracks[track].edges.size() == 1) return {kPorts - 1, {2, 3, 4}};
  Strides found;
  std::size_t asked = 0;
  for (const std::uint32_t stride : candidates(program_.tracks[track])) {
    const Order order{Order::Direction::ascending, stride};
    const std::optional<Passage> through = passage(track, order);
    if (!through) continue;
    const Meets meeting = meets(program_.tracks[track], *through, order);
    if (meeting == Meets::wrong) continue;
    if (asked < (meeting == Meets::others ? kMostConfirmed : kConfirmed)) {
      ++asked;
      if (!confirmed(track, *through, order)) continue;
    }
    ++found.count;
    if (found.smallest.size() < 3) found.smallest.push_back(stride);
  }
  return found;
}

std::uint32_t Sweeps::wrong_ports(Protocol protocol) const { return side(protocol).wrong; }

std::uint32_t Sweeps::wrong_ports(std::size_t track, Protocol protocol) const {
  if (!program_.lockout) return 0;
  std::set<Knock> harmless;
  for (const Edge& edge : program_.tracks[track].edges) {
    harmless.insert(edge.knock);
    for (const Use& use : uses_of(edge.knock)) {
      const std::vector<Edge>& edges = program_.tracks[use.track].edges;
      if (use.step + 1 < edges.size()) harmless.insert(edges[use.step + 1].knock);
    }
  }
  const Side& here = side(protocol);
  return here.wrong -
         static_cast<std::uint32_t>(std::count_if(harmless.begin(), harmless.end(), [&](const Knock& knock) {
           return knock.protocol == protocol && here.first[knock.port] == 0;
         }));
}

// Nothing where the knocks do not lie in this order, or not all on one protocol.
std::optional<Sweeps::Passage> Sweeps::passage(std::size_t track, Order order) const {
  const std::vector<Edge>& edges = program_.tracks[track].edges;
  Passage through;
  const Places places(order);
  for (const Edge& edge : edges) {
    if (edge.knock.protocol != edges.front().knock.protocol) return std::nullopt;
    const std::uint32_t place = places.of(edge.knock.port);
    if (!through.places.empty() && place <= through.places.back()) return std::nullopt;
    if (!through.places.empty()) through.gap = std::max(through.gap, place - through.places.back());
    through.places.push_back(place);
  }
  through.span = through.places.back() - through.places.front();
  return through;
}

// How many ports before the first knock a wrong packet still spoils it, at the slowest rate.
std::uint32_t Sweeps::shadow(const Track& track, const Passage& passage) const {
  const std::int64_t lockout = program_.lockout_time.milliseconds();
  std::int64_t ports = lockout * passage.gap / std::max<std::int64_t>(1, track.step_timeout.milliseconds());
  if (track.sequence_timeout) {
    ports = std::max(
        ports, lockout * passage.span / std::max<std::int64_t>(1, track.sequence_timeout->milliseconds()));
  }
  return static_cast<std::uint32_t>(std::min<std::int64_t>(ports, kPorts));
}

std::span<const Sweeps::Use> Sweeps::uses_of(Knock knock) const {
  const Uses& uses = side(knock.protocol).uses[knock.port];
  return std::span(uses_).subspan(uses.begin, uses.end - uses.begin);
}

// Whether this port's step comes after all the steps before it.
bool Sweeps::may_fire(Knock knock, const Places& places) const {
  if (side(knock.protocol).first[knock.port] != 0) return true;
  const std::span<const Use> uses = uses_of(knock);
  return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
    const std::vector<Edge>& edges = program_.tracks[use.track].edges;
    for (std::size_t step = 0; step < use.step; ++step) {
      if (edges[step].knock.protocol != knock.protocol) return false;
      if (places.of(edges[step].knock.port) >= places.of(edges[step + 1].knock.port)) return false;
    }
    return true;
  });
}

// What lies between a lockout before the first knock and the last one.
Sweeps::Meets Sweeps::meets(const Track& track, const Passage& passage, Order order) const {
  if (!program_.lockout) return Meets::nothing;
  const Protocol protocol = track.edges.front().knock.protocol;
  const Side& here = side(protocol);
  const std::uint32_t behind = shadow(track, passage);
  const std::uint32_t first = passage.places.front() > behind ? passage.places.front() - behind : 0;
  const Places places(order);
  Meets meeting = Meets::nothing;
  for (const std::uint16_t port : here.watched) {
    const std::uint32_t place = places.of(port);
    if (place > passage.places.back()) continue;
    if (here.kinds[port] == Kind::knock) {
      if (std::binary_search(passage.places.begin(), passage.places.end(), place)) continue;
      meeting = Meets::others;
      if (place < first || may_fire({protocol, port}, places)) continue;
      return Meets::wrong;
    }
    if (place >= first) return Meets::wrong;
  }
  return meeting;
}

// The watched ports in the order of the sweep. Of wrong ones in a row the last says it all.
std::vector<Sweeps::Met> Sweeps::met(Protocol protocol, Order order, std::uint32_t last) const {
  const Side& here = side(protocol);
  const Places places(order);
  std::vector<Met> ports;
  for (const std::uint16_t port : here.watched) {
    if (const std::uint32_t place = places.of(port); place <= last) ports.push_back({place, port});
  }
  std::sort(ports.begin(), ports.end());
  std::vector<Met> kept;
  for (const Met& met : ports) {
    if (!kept.empty() && here.kinds[met.port] == Kind::wrong && here.kinds[kept.back().port] == Kind::wrong) {
      kept.pop_back();
    }
    kept.push_back(met);
  }
  return kept;
}

bool Sweeps::confirmed(std::size_t track, const Passage& passage, Order order) const {
  const Track& swept = program_.tracks[track];
  const Protocol protocol = swept.edges.front().knock.protocol;
  const std::vector<Met> ports = met(protocol, order, passage.places.back());
  // Each port comes once: where a step does not fire, none of the later ones does.
  const auto opened_at = [&](Rate rate) {
    State state;
    std::size_t step = 0;
    for (const Met& each : ports) {
      const Outcome met =
          machine_.take(state, packet_to({protocol, each.port}, each.place * rate.time / rate.ports));
      if (each.place != passage.places[step]) continue;
      const bool is_last = ++step == swept.edges.size();
      const bool fires = std::any_of(met.fired.begin(), met.fired.end(), [&](const Fired& fired) {
        return fired.track == track && fired.step + 1 == step && (fired.noted || !is_last);
      });
      if (!fires || is_last) return fires;
    }
    return false;
  };
  const std::vector<Rate> all = rates(program_, swept, passage.gap, passage.span);
  return std::any_of(all.begin(), all.end(), opened_at);
}

// All strides, or those few that keep the wrong port above the first knock out
// of the way. That port comes right after it in the next residue's round, so the
// last knock is of the first one's residue, or of the next and below that port.
std::vector<std::uint32_t> Sweeps::candidates(const Track& track) const {
  const Knock first = track.edges.front().knock, last = track.edges.back().knock;
  std::set<std::uint32_t> few;
  if (last.port > first.port) {
    add_divisors(few, static_cast<std::uint32_t>(last.port - first.port));
  } else {
    add_divisors(few, static_cast<std::uint32_t>(first.port + 1 - last.port));
  }
  few.erase(1);
  std::vector<std::uint32_t> strides;
  const bool guarded =
      program_.lockout && first.port < kLast && side(first.protocol).kinds[first.port + 1u] == Kind::wrong;
  if (!guarded) {
    const std::size_t most = std::clamp<std::size_t>(kMostTried / program_.tracks.size(), 2, kPorts);
    for (std::uint32_t stride = 2; stride <= most; ++stride) strides.push_back(stride);
  }
  const std::uint32_t tried = strides.empty() ? 1 : strides.back();
  strides.insert(strides.end(), few.upper_bound(tried), few.end());
  return strides;
}

}  // namespace knockwork
