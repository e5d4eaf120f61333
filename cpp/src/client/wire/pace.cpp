#include "client/wire/pace.hpp"

#include <algorithm>

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// More than two packets' ways differ on a bad path, of which one takes 100 ms longer at times.
constexpr milliseconds kWait{250};
// Of 200 who lose a packet in twenty nobody loses three alike.
constexpr int kCopies = 3;
// Three copies of which the host should have answered one must fit into the time that a step has.
constexpr milliseconds kRoom = 2 * kWait;

milliseconds room(const KnockTarget& target) {
  milliseconds room = kRoom;
  if (target.step_timeout) room = std::min(room, *target.step_timeout / 2);
  if (target.sequence_timeout) {
    const auto steps = static_cast<std::int64_t>(target.knocks.front().size());
    room = std::min(room, *target.sequence_timeout / (2 * steps));
  }
  return room;
}

}  // namespace

Pace::Pace(const KnockTarget& target, const Knocking& how, Wire& wire)
    : how_(how),
      wire_(wire),
      wait_(std::min(kWait, room(target))),
      repeats_(!target.sequence.empty() && room(target) == kRoom) {}

milliseconds Pace::longest() const { return how_.delay.value_or(wait_) + how_.jitter; }

std::string Pace::send(const Destination& to, Knock knock, Place place) {
  if (to != asked_) host_ = Host::unknown;
  asked_ = to;
  std::string why;
  if (fixed()) {
    why = wire_.knock(to, knock, how_.way).why;
    last_ = wire_.now();
    if (place != Place::last && why.empty()) wire_.sleep(*how_.delay);
  } else {
    const bool answered = send_until_answered(to, knock, place, why);
    // Hosts tell so many senders of datagrams a second that a port is closed, and then are silent.
    if (answered || place != Place::last) host_ = answered ? Host::answers : Host::silent;
  }
  if (place != Place::last && why.empty()) wire_.sleep(wire_.random(how_.jitter));
  return why;
}

bool Pace::send_until_answered(const Destination& to, Knock knock, Place place, std::string& why) {
  std::vector<Socket> sent;
  for (int copy = 1; copy <= copies(); ++copy) {
    Wire::Sent one = wire_.knock(to, knock, how_.way);
    last_ = wire_.now();
    if (!one.why.empty()) {
      if (copy == 1) why = std::move(one.why);
      return false;
    }
    sent.push_back(std::move(one.socket));
    const milliseconds wait = patience(copy, place);
    if (wait > milliseconds{} && wire_.answered(sent, wait)) return true;
  }
  return false;
}

int Pace::copies() const { return repeats_ ? kCopies : 1; }

// A copy that comes too late to be waited for does no harm: its step is still expected.
milliseconds Pace::patience(int copy, Place place) const {
  const bool final = copy == copies();
  if (place == Place::last && host_ != Host::answers && (final || host_ == Host::silent)) return {};
  if (place == Place::last && !repeats_) return {};
  if (!repeats_) return wait_;
  if (host_ != Host::answers) return wait_ / kCopies;
  return final ? wait_ : wait_ / 2;
}

}  // namespace knockwork
