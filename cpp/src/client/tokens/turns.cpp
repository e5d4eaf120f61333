#include "client/tokens/turns.hpp"

#include <algorithm>
#include <array>

namespace knockwork {
namespace {

// Rounds of the plan above: then it widens.
constexpr int kPlanned = 5;
constexpr Losses kMostLosses = 32;  // more than are remembered
// Of the first window, before they go on one by one.
constexpr std::array<Window, 4> kAhead{2, 4, 8, 16};

// Fewer first: what is remembered may be wrong.
std::vector<Losses> others(Losses remembered) {
  std::vector<Losses> all;
  for (Losses each = remembered; each-- > 0;) all.push_back(each);
  for (Losses each = 4; each <= kMostLosses; ++each) all.push_back(remembered + each);
  for (Losses each = 1; each < 4; ++each) all.push_back(remembered + each);
  return all;
}

bool has_new_window(int round) { return round <= 2 || (round > kPlanned && (round - kPlanned) % 2 == 1); }

}  // namespace

TokenTurns::TokenTurns(const TokenSource& source, std::size_t addresses)
    : source_(source), lines_(addresses) {}

Window TokenTurns::take(UnixTime now, Window earliest) {
  last_ = source_.memory->take(std::max({window_at(source_.period, now), earliest, last_ + 1}));
  return last_;
}

Losses TokenTurns::losses_in(int round, const Line& line) const {
  const Losses remembered = source_.memory->losses(line.window);
  if (has_new_window(round)) return remembered;
  if (round <= kPlanned) return remembered + static_cast<Losses>(round - 2);
  const std::vector<Losses> all = others(remembered);
  return all[(static_cast<std::size_t>(round - kPlanned) / 2 - 1) % all.size()];
}

std::vector<TokenBytes> TokenTurns::next(int round, std::size_t address, UnixTime now) {
  Line& line = lines_[address];
  if (has_new_window(round)) {
    const auto ahead = static_cast<std::size_t>(std::max(round - kPlanned, 0) / 2);
    const bool jumps = round > kPlanned && ahead < kAhead.size();
    line.window = take(now, jumps ? line.first + kAhead[ahead] : 0);
    if (round == 1) line.first = line.window;
  }
  line.sent.push_back({line.window, losses_in(round, line)});
  // The first one again: it may have been lost, or come before the host had it.
  if (round == 1 || !has_new_window(round)) return {draw(line.sent.back())};
  return {draw(line.sent.front()), draw(line.sent.back())};
}

void TokenTurns::opened(int round, std::size_t address) {
  const Sent& sent = lines_[address].sent[static_cast<std::size_t>(round - 1)];
  source_.memory->opened(sent.window, sent.losses);
}

void TokenTurns::none_opened() { source_.memory->give_back(); }

}  // namespace knockwork
