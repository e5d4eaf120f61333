// How a closed port answers.
#pragma once

#include "knockwork/spec.hpp"

namespace knockwork {

// As this host does, or as another firewall has it.
enum class Answer { closed, drop, unreachable, prohibited, host_prohibited };

struct Answered {
  bool ipv6 = false;
  Protocol protocol = Protocol::tcp;
  Answer answer = Answer::closed;
  auto operator<=>(const Answered&) const = default;
};

}  // namespace knockwork
