// How one sequence is sent: when the next knock may go, and which is sent again.
//
// A knock that overtakes another one is a wrong knock. Where the host answers a knock, as closed ports do,
// that knock has arrived, and the next may go at once. Where nothing answers, the next one waits until the
// one before must have arrived. A knock may also be lost: knockwork's gates take a copy of a right knock for
// what it is, so an unanswered one is sent again before the next. Other gates may not, and knocks given by
// hand may be for them: these go once.
#pragma once

#include <chrono>
#include <string>

#include "knockwork/wire.hpp"

namespace knockwork {

class Pace {
 public:
  Pace(const KnockTarget& target, const Knocking& how, Wire& wire);

  // The longest time between two knocks.
  std::chrono::milliseconds longest() const;

  enum class Place { before_others, last };
  // Sends one knock, and returns when the next may go; else why it could not be sent.
  std::string send(const Destination& to, Knock knock, Place place);

  // When the last packet was sent.
  std::chrono::milliseconds last() const { return last_; }

 private:
  enum class Host { unknown, answers, silent };

  bool fixed() const { return how_.delay.has_value(); }
  bool send_until_answered(const Destination& to, Knock knock, Place place, std::string& why);
  int copies() const;  // of a knock, at most
  std::chrono::milliseconds patience(int copy, Place place) const;

  const Knocking& how_;
  Wire& wire_;
  std::chrono::milliseconds wait_;  // for an unanswered knock
  bool repeats_;                    // knocks that are not answered
  Host host_ = Host::unknown;
  Destination asked_{};  // whom host_ is about
  std::chrono::milliseconds last_{0};
};

}  // namespace knockwork
