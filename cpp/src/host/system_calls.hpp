// What a signal interrupts is done again, and a descriptor is closed when nobody holds it any more.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

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

class Descriptor {
 public:
  Descriptor() = default;  // of nothing
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int number() const { return number_; }  // below 0 where there is none
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

}  // namespace knockwork
