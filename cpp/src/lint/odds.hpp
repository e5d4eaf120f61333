// The odds of those who guess: a sequence at random, or the order of a sweep.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork {

inline constexpr double kDay = 86400, kYear = 365 * kDay;  // seconds

// What a random sweep of one sequence depends on. A random sweep sends every
// port once, in an order of which each is as likely, at a steady rate.
struct RandomSweep {
  std::uint32_t ports = 0;  // of the sweep
  std::uint32_t knocks = 0;
  std::uint32_t wrong = 0;  // other ports that lock their source out
  Duration step_timeout;
  Duration lockout;
  std::optional<Duration> sequence_timeout;
  auto operator<=>(const RandomSweep&) const = default;
};

// A rate, counted in ports.
struct Reach {
  std::uint32_t step = 0;     // the next knock may be so many ports later
  std::uint32_t lockout = 0;  // a wrong port so many ports before the first knock spoils it
  std::uint32_t whole = 0;    // from the first knock to the last
};

class Odds {
 public:
  // At one rate. The knocks lie in order and near enough, and all wrong ports lie
  // elsewhere than between them and in the lockout's reach before them: for each
  // distance from first to last knock, the ways to step so far, times the ways to
  // place the wrong ports.
  double random_sweep(const RandomSweep& sweep, Reach reach) const;

  // At the rate that suits the sweep best; at the fastest it is wrong!/(wrong+knocks)!.
  double random_sweep(const RandomSweep& sweep);

  double fast_random_sweep(std::uint32_t knocks, std::uint32_t wrong) const;

 private:
  // With what follows from ports, knocks and wrong alone.
  double random_sweep(const RandomSweep& sweep, Reach reach, const std::vector<double>& shares) const;

  std::map<RandomSweep, double> known_;
};

// By somebody who knows how the knocks were drawn, and tries as many of the same kind.
struct Guess {
  double bits = 0;           // of the search space
  double odds = 0;           // of one guess
  double guesses_a_day = 0;  // of one source, at most
  double a_year = 0;         // the odds that one of a source's guesses in a year opens it
};

// How fast one source sends, at most. A little more than a link of 50 Mbit/s takes.
inline constexpr double kPacketsPerSecond = 100000;

// A guess that meets a wrong port costs a lockout; its source is taken to know when it is over.
Guess guess_of_token(std::int64_t tokens);  // of so many that are good

// Of knocks of which there are so many choices.
Guess guess(std::uint32_t knocks, double choices, std::uint32_t wrong_ports, std::optional<Duration> lockout);

// Of knocks drawn from all ports of both protocols: nothing else is known of those that a declaration names.
double choices_of_any_ports(std::uint32_t knocks);

}  // namespace knockwork
