// Epochs over their boundaries, exhaustively for small periods.
#include <algorithm>

#include "catch.hpp"
#include "knockwork/derive.hpp"

using namespace knockwork;

namespace {

Derivation by_clock(std::int64_t period, std::int64_t overlap) {
  Derivation derivation;
  derivation.length = 3;
  derivation.period = Duration::milliseconds(period);
  derivation.overlap = Duration::milliseconds(overlap);
  return derivation;
}

}  // namespace

TEST_CASE("epochs: one before, in force, one after: each exactly within the overlap, at every millisecond") {
  for (const std::int64_t period : {100, 200, 300}) {
    for (std::int64_t overlap = 0; overlap < period; overlap += 100) {
      const Derivation derivation = by_clock(period, overlap);
      for (std::int64_t now = 0; now <= 5 * period; ++now) {
        std::vector<Epoch> expected;
        for (std::int64_t epoch = 0; epoch <= 7; ++epoch) {
          const bool before = now >= epoch * period - overlap && now < epoch * period && overlap > 0;
          const bool in_force = now >= epoch * period && now < (epoch + 1) * period;
          const bool after = now >= (epoch + 1) * period && now < (epoch + 1) * period + overlap;
          if (before || in_force || after) expected.push_back(static_cast<Epoch>(epoch));
        }
        INFO(period << " " << overlap << " " << now);
        CHECK(accepted_epochs(derivation, UnixTime(now)) == expected);
        CHECK(current_epoch(derivation, UnixTime(now)) == static_cast<Epoch>(now / period));
      }
    }
  }
}

TEST_CASE("epochs: two clocks that differ by less than the overlap agree on a sequence, whatever the time") {
  const Derivation derivation = by_clock(1000, 300);
  for (std::int64_t host = 0; host <= 3000; host += 10) {
    const std::vector<Epoch> accepted = accepted_epochs(derivation, UnixTime(host));
    for (std::int64_t client = std::max<std::int64_t>(0, host - 290); client <= host + 290; client += 10) {
      const Epoch tried = current_epoch(derivation, UnixTime(client));
      CHECK(std::find(accepted.begin(), accepted.end(), tried) != accepted.end());
    }
  }
}

TEST_CASE("epochs: the declared one and those it accepts stand whatever the time is") {
  Derivation derivation = by_clock(0, 0);
  derivation.epoch = 41;
  derivation.accepts = {41, 42};
  for (const std::int64_t now : {-5, 0, 1'800'000'000}) {
    CHECK(current_epoch(derivation, UnixTime(now)) == 41);
    CHECK(accepted_epochs(derivation, UnixTime(now)) == std::vector<Epoch>{41, 42});
    CHECK(tried_epochs(derivation, UnixTime(now)) == std::vector<Epoch>{41, 42, 40});
  }
  derivation.epoch = 0;
  CHECK(tried_epochs(derivation, UnixTime(0)) == std::vector<Epoch>{0, 1});
  CHECK(epoch_name("ssh", 41) == "ssh#41");
}

TEST_CASE("epochs: a clock before 1970 is in the first epoch") {
  CHECK(accepted_epochs(by_clock(1000, 300), UnixTime(-5000)) == std::vector<Epoch>{0});
}
