#include "client/pauses.hpp"

#include <algorithm>

namespace knockwork {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{250};
constexpr milliseconds kLongestPause{2000};
// Packets travel at different speeds: beyond the lockout itself.
constexpr milliseconds kMargin{250};
// A round that cannot have this long is none.
constexpr milliseconds kShortestRound{500};
// An answer that was lost comes again after a second (RFC 6298, 2).
constexpr milliseconds kFirstPatience{1600};
// Connections go on beside the next tokens, so an answer that takes longer is not missed.
constexpr milliseconds kTokenPatience{600};
constexpr int kSoon = 5;
constexpr milliseconds kGoesOn{10'000};
constexpr milliseconds kGoesOnByHand{15'000};

std::optional<milliseconds> end_of(const KnockTarget& target, const Knocking& how, milliseconds now) {
  if (how.within) return now + *how.within;
  if (how.retries) return std::nullopt;
  if (!target.lockout) return now + kGoesOnByHand;
  return now + *target.lockout * static_cast<std::int64_t>(target.knocks.size()) + kGoesOn;
}

}  // namespace

Pauses::Pauses(const KnockTarget& target, const Knocking& how, milliseconds now)
    : target_(target), how_(how), end_(end_of(target, how, now)), pause_(kFirstPause) {}

std::size_t Pauses::turns() const { return std::max<std::size_t>(target_.knocks.size(), 1); }

int Pauses::repeats() const { return target_.knocks.size() > 1 && how_.retries.value_or(1) > 0 ? 1 : 0; }

std::size_t Pauses::turn(int round) const {
  return static_cast<std::size_t>(std::max(round - 1 - repeats(), 0)) % turns();
}

bool Pauses::is_last(int round) const {
  return how_.retries && round - static_cast<int>(turns()) >= *how_.retries;
}

milliseconds Pauses::free_again(milliseconds last_knock) const {
  return last_knock + target_.lockout.value_or(milliseconds{}) + kMargin;
}

std::optional<milliseconds> Pauses::after(int round, milliseconds last_knock, milliseconds now) {
  if (is_last(round)) return std::nullopt;
  if (!first_knocked_) first_knocked_ = last_knock;
  if (target_.token && round < kSoon)
    return end_ && now + kShortestRound > *end_ ? std::nullopt : std::optional(now);
  milliseconds next = now + pause_;
  if (target_.lockout) {
    const bool other_turn = turn(round + 1) != turn(round);
    if (other_turn || is_last(round + 1)) next = std::max(next, free_again(last_knock));
    // A lockout that the first round met with does not end amid this one.
    const milliseconds ends = free_again(*first_knocked_);
    if (next < ends && ends < next + pause_ + kShortestRound) next = ends;
  }
  pause_ = std::min(2 * pause_, kLongestPause);
  if (end_ && next + kShortestRound > *end_) return std::nullopt;
  return next;
}

milliseconds Pauses::patience(int round, milliseconds now) const {
  milliseconds patience = how_.timeout;
  if (!is_last(round)) {
    const milliseconds first =
        target_.token ? kTokenPatience : kFirstPatience * (1 << std::min(round - 1, 10));
    patience = std::min(patience, target_.token && round >= kSoon ? 2 * first : first);
  }
  if (end_) patience = std::min(patience, std::max(*end_ - now, kShortestRound));
  return patience;
}

}  // namespace knockwork
