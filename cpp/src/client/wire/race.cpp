#include "client/wire/race.hpp"

#include <algorithm>
#include <array>

namespace knockwork {
namespace {

using std::chrono::milliseconds;
using Answer = Wire::Answer;

// With packet steering one SYN in five overtakes the token that was sent right before it.
constexpr std::array kStarts{milliseconds(0),  milliseconds(1),   milliseconds(3),  milliseconds(10),
                             milliseconds(30), milliseconds(100), milliseconds(300)};
// Those of three rounds: an answer that takes longer will not come.
constexpr std::ptrdiff_t kMostBegun = 3 * kStarts.size();

}  // namespace

Wire::Tried Race::run(const Destination& to, milliseconds most) {
  ++round_;
  best_ = {Answer::no_way, Socket(), ""};
  const milliseconds start = wire_.now();
  for (const milliseconds pause : kStarts) {
    if (pause > most) break;
    hear(start + pause, Until::time);
    if (is_open()) return std::move(best_);
    begin(to);
    if (best_.answer == Answer::no_way && !waits_for_this_round()) return std::move(best_);
  }
  hear(start + most, Until::answered);
  if (best_.answer == Answer::no_way && waits_for_this_round()) best_.answer = Answer::silent;
  return std::move(best_);
}

void Race::begin(const Destination& to) {
  Wire::Tried tried = wire_.begin(to, port_, way_);
  if (tried.answer != Answer::silent) {
    if (tried.answer <= best_.answer) best_ = std::move(tried);
    return;
  }
  begun_.push_back(std::move(tried.socket));
  rounds_.push_back(round_);
  const auto over = static_cast<std::ptrdiff_t>(begun_.size()) - kMostBegun;
  if (over <= 0) return;
  begun_.erase(begun_.begin(), begun_.begin() + over);
  rounds_.erase(rounds_.begin(), rounds_.begin() + over);
}

void Race::hear(milliseconds end, Until until) {
  while (!is_open() && (until == Until::time || waits_for_this_round())) {
    const milliseconds left = std::max(end - wire_.now(), milliseconds{});
    if (begun_.empty()) {
      wire_.sleep(left);
      return;
    }
    Wire::Heard heard = wire_.hear(begun_, left);
    if (heard.answer == Answer::silent) {
      if (until == Until::answered && best_.why.empty()) best_.why = std::move(heard.why);
      return;
    }
    take(std::move(heard));
  }
}

void Race::take(Wire::Heard heard) {
  const auto which = static_cast<std::ptrdiff_t>(heard.which);
  Socket socket = std::move(begun_[heard.which]);
  if (heard.answer == Answer::open) winner_ = rounds_[heard.which];
  begun_.erase(begun_.begin() + which);
  rounds_.erase(rounds_.begin() + which);
  if (heard.answer != Answer::open) socket = Socket();
  if (heard.answer <= best_.answer) best_ = {heard.answer, std::move(socket), std::move(heard.why)};
}

}  // namespace knockwork
