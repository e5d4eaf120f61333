#include "import/trial/tries.hpp"

#include <algorithm>

namespace knockwork {
namespace {

std::vector<TriedKnock> from_one(const std::vector<Knock>& knocks) {
  std::vector<TriedKnock> tried;
  tried.reserve(knocks.size());
  for (const Knock& knock : knocks) tried.push_back({0, knock});
  return tried;
}

// Both in step; the one who began first ends last, because knockd 0.8 forgets all other attempts when the
// oldest one ends.
std::vector<TriedKnock> from_two(const std::vector<Knock>& knocks) {
  std::vector<TriedKnock> tried;
  for (const Knock& knock : knocks) {
    tried.push_back({0, knock});
    tried.push_back({1, knock});
  }
  std::swap(tried[tried.size() - 1], tried[tried.size() - 2]);
  return tried;
}

// A knock of the sequence that is wrong after its first.
const Knock* wrong_one(const std::vector<Knock>& knocks) {
  for (std::size_t at = 2; at < knocks.size(); ++at) {
    if (knocks[at] != knocks[0] && knocks[at] != knocks[1]) return &knocks[at];
  }
  return nullptr;
}

}  // namespace

std::vector<Try> tries_of(const Sequence& sequence) {
  const std::vector<Knock>& knocks = sequence.knock;
  std::vector<Try> tries{{"the right knocks", from_one(knocks)},
                         {"all but the last", from_one({knocks.begin(), std::prev(knocks.end())})},
                         {"all but the first", from_one({std::next(knocks.begin()), knocks.end()})},
                         {"backwards", from_one({knocks.rbegin(), knocks.rend()})},
                         {"with another source", from_two(knocks)}};
  if (const Knock* wrong = wrong_one(knocks)) {
    std::vector<Knock> between = knocks;
    between.insert(std::next(between.begin()), *wrong);
    tries.push_back({"a wrong knock between", from_one(between)});
  }
  return tries;
}

std::vector<bool> opened_by_machine(const Machine& machine, const std::string& sequence, const Try& attempt) {
  State state;
  Instant now{1000};
  std::vector<bool> opened(2, false);
  for (const TriedKnock& tried : attempt.knocks) {
    Packet packet;
    packet.time = now;
    packet.source = *parse_network(tried.source == 0 ? "192.0.2.1" : "192.0.2.2");
    packet.target = tried.knock;
    const Outcome outcome = machine.take(state, packet);
    for (const Fired& fired : outcome.fired) {
      const Track& track = machine.program().tracks[fired.track];
      const bool last = fired.step + 1 == track.edges.size();
      if (track.name == sequence && last) opened[static_cast<std::size_t>(tried.source)] = true;
    }
    now += Instant(1);
  }
  return opened;
}

}  // namespace knockwork
