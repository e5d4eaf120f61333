// How often a host is knocked on, with which of its sequence's turns, and how long the pauses are.
//
// Nothing tells a client that it is locked out, and by whom, and a right sequence does not prolong a lockout:
// so it tries again soon, then less often. Knocks of another epoch may be wrong ones: between turns the
// lockout is waited out. Tokens lock nobody out: each of the first five follows as soon as the one before it
// must have opened.
#pragma once

#include <chrono>
#include <optional>

#include "knockwork/client.hpp"

namespace knockwork {

class Pauses {
 public:
  Pauses(const KnockTarget& target, const Knocking& how, std::chrono::milliseconds now);

  // Which of the target's turns a round has; rounds count from 1.
  std::size_t turn(int round) const;
  // Whether this round is the last that may be.
  bool is_last(int round) const;
  // When the next round begins, given when the last knock of this one was sent; nothing where none does.
  std::optional<std::chrono::milliseconds> after(int round, std::chrono::milliseconds last_knock,
                                                 std::chrono::milliseconds now);
  // How long an answer is waited for in this round.
  std::chrono::milliseconds patience(int round, std::chrono::milliseconds now) const;

 private:
  std::size_t turns() const;
  int repeats() const;  // of the first turn, before the others have theirs
  std::chrono::milliseconds free_again(std::chrono::milliseconds last_knock) const;

  const KnockTarget& target_;
  const Knocking& how_;
  std::optional<std::chrono::milliseconds> end_;
  std::chrono::milliseconds pause_;
  std::optional<std::chrono::milliseconds> first_knocked_;
};

}  // namespace knockwork
