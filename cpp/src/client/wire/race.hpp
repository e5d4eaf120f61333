// Connections to a port that a token is to open.
//
// A SYN may overtake the token that was sent before it, and where that one is dropped nothing answers. So
// connections begin one after the other, whatever became of those before, and the first that is open wins.
// No program hears of the others.
#pragma once

#include <chrono>
#include <vector>

#include "knockwork/wire.hpp"

namespace knockwork {

class Race {
 public:
  Race(Wire& wire, const Way& way, Service service) : wire_(wire), way_(way), port_(service.first) {}

  // One round, right after a token was sent. Ends when a connection is open, be it of an earlier round; when
  // all of this one are answered; or after `most`.
  Wire::Tried run(const Destination& to, std::chrono::milliseconds most);

  // The round, counted from 1, that began the open one.
  int winner() const { return winner_; }

 private:
  enum class Until { time, answered };

  void begin(const Destination& to);
  void hear(std::chrono::milliseconds end, Until until);
  void take(Wire::Heard heard);
  bool is_open() const { return best_.answer == Wire::Answer::open; }
  bool waits_for_this_round() const { return !rounds_.empty() && rounds_.back() == round_; }

  Wire& wire_;
  const Way& way_;
  std::uint16_t port_;
  int round_ = 0, winner_ = 0;
  std::vector<Socket> begun_;
  std::vector<int> rounds_;  // that began them, ascending
  Wire::Tried best_;         // the answer of this round that says most
};

}  // namespace knockwork
