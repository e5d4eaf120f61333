// Applies of one host happen one after the other.
#pragma once

#include <chrono>

namespace knockwork {

// Holds /run/knockwork/lock until it goes out of scope. The lock dies with its process; what a killed one has
// left half written in the folders of state, the next holder removes.
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
