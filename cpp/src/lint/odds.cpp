#include "lint/odds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace knockwork {
namespace {

constexpr std::uint32_t kMost = 2 * 65535;  // ports of both protocols
constexpr std::uint32_t kFewWatched = 500;  // where so few ports matter
constexpr std::uint32_t kCoarse = 4096;     // a sweep of so many is like one of all
constexpr double kRateStep = 1.08;          // from one tried rate to the next

// In how many ways `steps` steps of 1 to `reach` ports make each distance up to `most`.
std::vector<double> ways(std::uint32_t steps, std::uint32_t reach, std::uint32_t most) {
  std::vector<double> ways(most + 1);
  ways[0] = 1;
  for (std::uint32_t step = 0; step < steps; ++step) {
    std::vector<double> next(most + 1);
    double window = 0;
    for (std::uint32_t distance = 1; distance <= most; ++distance) {
      window += ways[distance - 1];
      if (distance > reach) window -= ways[distance - 1 - reach];
      next[distance] = std::max(0.0, window);
    }
    ways = std::move(next);
  }
  return ways;
}

std::uint32_t ports_within(Duration time, std::uint32_t step, const RandomSweep& sweep) {
  const std::int64_t ports = time.milliseconds() * step / sweep.step_timeout.milliseconds();
  return static_cast<std::uint32_t>(std::min<std::int64_t>(ports, sweep.ports));
}

}  // namespace

Odds::Odds() : ln_factorial_(kMost + 2) {
  for (std::size_t n = 1; n < ln_factorial_.size(); ++n) {
    ln_factorial_[n] = ln_factorial_[n - 1] + std::log(static_cast<double>(n));
  }
}

double Odds::ln_choose(std::uint32_t of, std::uint32_t some) const {
  if (some > of) return -std::numeric_limits<double>::infinity();
  return ln_factorial_[of] - ln_factorial_[some] - ln_factorial_[of - some];
}

double Odds::fast_random_sweep(std::uint32_t knocks, std::uint32_t wrong) const {
  return std::exp(ln_factorial_[wrong] - ln_factorial_[wrong + knocks]);
}

double Odds::random_sweep(const RandomSweep& sweep, Reach reach) const {
  const std::uint32_t all = sweep.ports, knocks = sweep.knocks, wrong = sweep.wrong;
  // Beyond this distance some wrong port is in between, to all the digits of a double.
  const double unlikely = (45.0 + 3 * knocks) * all / (wrong + 1);
  const std::uint64_t furthest = std::min<std::uint64_t>(
      {all - 1, std::uint64_t{reach.step} * (knocks - 1), reach.whole, static_cast<std::uint64_t>(unlikely)});
  const auto most = static_cast<std::uint32_t>(furthest);
  const std::vector<double> distances = ways(knocks - 1, reach.step, most);
  const double ln_all = ln_choose(all - knocks, wrong) + ln_factorial_[all] - ln_factorial_[all - knocks];
  double odds = 0;
  for (std::uint32_t distance = knocks - 1; distance <= most; ++distance) {
    // The first knock lies on any of `firsts` places; from `near` on with the whole reach before it.
    const std::uint32_t firsts = all - distance, near = std::min(reach.lockout, firsts);
    const double before = std::exp(ln_choose(firsts, wrong + 1) - ln_all) -
                          std::exp(ln_choose(firsts - near, wrong + 1) - ln_all);
    const double after =
        near == firsts ? 0 : (firsts - near) * std::exp(ln_choose(firsts - 1 - near, wrong) - ln_all);
    odds += distances[distance] * (std::max(0.0, before) + after);
  }
  return odds;
}

double Odds::random_sweep(const RandomSweep& sweep) {
  if (sweep.knocks == 1) return 1;  // one port per lockout
  if (const auto known = known_.find(sweep); known != known_.end()) return known->second;
  RandomSweep counted = sweep;
  if (sweep.wrong + sweep.knocks <= kFewWatched) counted.ports = kCoarse;
  double best = fast_random_sweep(sweep.knocks, sweep.wrong);
  for (std::uint32_t step = 1; step < counted.ports;
       step = std::max(step + 1, static_cast<std::uint32_t>(step * kRateStep))) {
    const std::uint32_t lockout = ports_within(sweep.lockout, step, counted);
    const std::uint32_t whole =
        sweep.sequence_timeout ? ports_within(*sweep.sequence_timeout, step, counted) : counted.ports;
    best = std::max(best, random_sweep(counted, {step, lockout, whole}));
  }
  return known_[sweep] = std::min(best, 1.0);
}

namespace {

double in_a_year(const Guess& guess) {
  return -std::expm1(guess.guesses_a_day * (kYear / kDay) * std::log1p(-guess.odds));
}

}  // namespace

Guess guess_of_token(std::int64_t tokens) {
  constexpr double kBits = 128;
  Guess guess;
  guess.bits = kBits;
  guess.odds = static_cast<double>(tokens) * std::exp2(-kBits);
  guess.guesses_a_day = kDay * kPacketsPerSecond;
  guess.a_year = in_a_year(guess);
  return guess;
}

double bits_of_any_ports(std::uint32_t knocks) { return knocks * std::log2(double{kMost}); }

Guess guess(std::uint32_t knocks, double bits, std::uint32_t wrong_ports, std::optional<Duration> lockout) {
  Guess guess;
  guess.bits = bits;
  guess.odds = std::exp2(-guess.bits);
  const double wrong = 1 - std::pow(1 - wrong_ports / double{kMost}, knocks);
  const double locked = lockout ? wrong * static_cast<double>(lockout->milliseconds()) / 1000 : 0;
  guess.guesses_a_day = kDay / (knocks / kPacketsPerSecond + locked);
  guess.a_year = in_a_year(guess);
  return guess;
}

}  // namespace knockwork
