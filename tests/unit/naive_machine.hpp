// The rules of a knock once more, written apart from the reference machine.
//
// Slow and simple: straight from the declaration, without compiled edges and
// without state. Each call judges the complete history anew, and every question
// is asked of a log of all that ever happened. Its worth is that it agrees with
// machine.cpp while sharing no code with it, only the words for an outcome.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <vector>

#include "knockwork/spec.hpp"
#include "machine/machine.hpp"

namespace naive {

struct Step {
  std::string sequence;
  std::size_t number = 0;  // from 0
  auto operator<=>(const Step&) const = default;
};

struct Judgement {
  knockwork::Verdict verdict = knockwork::Verdict::passed_on;
  std::vector<Step> fired{};                  // by name and number
  std::vector<knockwork::Service> granted{};  // sorted
  bool wrong = false;
  bool used_token = false;
  knockwork::Lockout locked = knockwork::Lockout::none;
  knockwork::Instant left{0};  // of the grant that let it in
  bool operator==(const Judgement&) const = default;
};

// One judgement per packet. The packets are in the order of their times.
std::vector<Judgement> judge(const knockwork::Spec& spec, const std::vector<knockwork::Packet>& history);

}  // namespace naive
