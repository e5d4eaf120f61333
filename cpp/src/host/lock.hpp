// Applies of one host happen one after the other.
#pragma once

#include <chrono>

namespace knockwork {

// Holds /run/knockwork/lock until it goes out of scope. The lock dies with its
// process, so a killed apply leaves nothing behind.
class Lock {
 public:
  // Waits up to `timeout`. Throws SystemError, naming the process in the way.
  explicit Lock(std::chrono::milliseconds timeout);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace knockwork
