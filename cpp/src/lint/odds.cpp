#include "lint/odds.hpp"

#include <algorithm>

#include "knockwork/derive.hpp"

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

// For each number of places, the part of all ways that choose(places, wrong + 1) is: from the most
// places that are ever asked for, each from the one above.
std::vector<double> shares_of(std::uint32_t all, std::uint32_t knocks, std::uint32_t wrong) {
  const std::uint32_t most = all - knocks + 1;
  std::vector<double> shares(most + 1);
  double share = static_cast<double>(most) / (wrong + 1);
  for (std::uint32_t knock = 0; knock < knocks; ++knock) share /= all - knock;
  for (std::uint32_t places = most; places > wrong; --places) {
    shares[places] = share;
    share *= (places - wrong - 1.0) / places;
  }
  return shares;
}

std::uint32_t ports_within(Duration time, std::uint32_t step, const RandomSweep& sweep) {
  const std::int64_t ports = time.milliseconds() * step / sweep.step_timeout.milliseconds();
  return static_cast<std::uint32_t>(std::min<std::int64_t>(ports, sweep.ports));
}

}  // namespace

double Odds::fast_random_sweep(std::uint32_t knocks, std::uint32_t wrong) const {
  double odds = 1;
  for (std::uint32_t knock = 1; knock <= knocks; ++knock) odds /= wrong + knock;
  return odds;
}

// All knocks and wrong ports have choose(all - knocks, wrong) * all! / (all - knocks)! ways to lie.
double Odds::random_sweep(const RandomSweep& sweep, Reach reach) const {
  return random_sweep(sweep, reach, shares_of(sweep.ports, sweep.knocks, sweep.wrong));
}

double Odds::random_sweep(const RandomSweep& sweep, Reach reach, const std::vector<double>& shares) const {
  const std::uint32_t all = sweep.ports, knocks = sweep.knocks, wrong = sweep.wrong;
  // Beyond this distance some wrong port is in between, to all the digits of a double.
  const double unlikely = (45.0 + 3 * knocks) * all / (wrong + 1);
  const std::uint64_t furthest = std::min<std::uint64_t>(
      {all - 1, std::uint64_t{reach.step} * (knocks - 1), reach.whole, static_cast<std::uint64_t>(unlikely)});
  const auto most = static_cast<std::uint32_t>(furthest);
  const std::vector<double> distances = ways(knocks - 1, reach.step, most);
  double odds = 0;
  for (std::uint32_t distance = knocks - 1; distance <= most; ++distance) {
    // The first knock lies on any of `firsts` places; from `near` on with the whole reach before it.
    const std::uint32_t firsts = all - distance, near = std::min(reach.lockout, firsts);
    const double before = shares[firsts] - shares[firsts - near];
    const double after = (wrong + 1) * shares[firsts - near];
    odds += distances[distance] * (before + after);
  }
  return odds;
}

double Odds::random_sweep(const RandomSweep& sweep) {
  if (sweep.knocks == 1) return 1;  // one port per lockout
  if (const auto known = known_.find(sweep); known != known_.end()) return known->second;
  RandomSweep counted = sweep;
  if (sweep.wrong + sweep.knocks <= kFewWatched) counted.ports = kCoarse;
  const std::vector<double> shares = shares_of(counted.ports, counted.knocks, counted.wrong);
  double best = fast_random_sweep(sweep.knocks, sweep.wrong);
  for (std::uint32_t step = 1; step < counted.ports;
       step = std::max(step + 1, static_cast<std::uint32_t>(step * kRateStep))) {
    const std::uint32_t lockout = ports_within(sweep.lockout, step, counted);
    const std::uint32_t whole =
        sweep.sequence_timeout ? ports_within(*sweep.sequence_timeout, step, counted) : counted.ports;
    best = std::max(best, random_sweep(counted, {step, lockout, whole}, shares));
  }
  return known_[sweep] = std::min(best, 1.0);
}

namespace {

// That at least one of so many guesses is right. By doubling: the odds against it would be 1, to all the
// digits of a double, where one guess hardly ever is.
double any_of(double guesses, double odds) {
  const double whole = std::min(guesses, 1e15);
  double any = 0, doubled = odds;
  for (auto left = static_cast<std::uint64_t>(whole); left != 0; left /= 2) {
    if (left % 2 == 1) any += doubled - any * doubled;
    doubled += doubled - doubled * doubled;
  }
  return guesses < 1 ? guesses * odds : any;
}

double in_a_year(const Guess& guess) { return any_of(guess.guesses_a_day * (kYear / kDay), guess.odds); }

double power(double base, std::uint32_t exponent) {
  double product = 1;
  for (std::uint32_t factor = 0; factor < exponent; ++factor) product *= base;
  return product;
}

}  // namespace

Guess guess_of_token(std::int64_t tokens) {
  constexpr double kTokens = 0x1p128;
  Guess guess;
  guess.bits = bits_of(kTokens);
  guess.odds = static_cast<double>(tokens) / kTokens;
  guess.guesses_a_day = kDay * kPacketsPerSecond;
  guess.a_year = in_a_year(guess);
  return guess;
}

double choices_of_any_ports(std::uint32_t knocks) { return power(kMost, knocks); }

Guess guess(std::uint32_t knocks, double choices, std::uint32_t wrong_ports,
            std::optional<Duration> lockout) {
  Guess guess;
  guess.bits = bits_of(choices);
  guess.odds = 1 / choices;
  const double wrong = 1 - power(1 - wrong_ports / double{kMost}, knocks);
  const double locked = lockout ? wrong * static_cast<double>(lockout->milliseconds()) / 1000 : 0;
  guess.guesses_a_day = kDay / (knocks / kPacketsPerSecond + locked);
  guess.a_year = in_a_year(guess);
  return guess;
}

}  // namespace knockwork
