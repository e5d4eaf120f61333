// What a signal interrupts is done again.
#pragma once

#include <cerrno>

#include "knockwork/diagnostic.hpp"

namespace knockwork {

// A system call.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// Of a question of more than one system call, or whose answer changed while it was read.
class Interrupted : public SystemError {
 public:
  using SystemError::SystemError;
};

// What `ask` returns. Throws what it throws; Interrupted only after some more attempts.
template <typename Ask>
auto asked_again(const Ask& ask) {
  for (int attempt = 1; attempt < 5; ++attempt) {
    try {
      return ask();
    } catch (const Interrupted&) {
    }
  }
  return ask();
}

}  // namespace knockwork
