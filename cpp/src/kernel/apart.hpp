// Work in a process of its own: what ends that process ends nothing else.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "knockwork/diagnostic.hpp"

namespace knockwork {

// The other process did not come to the end of its work.
class Broken : public SystemError {
 public:
  using SystemError::SystemError;
};

// What `read` returns. Throws Broken where it fails, ends its process, or takes longer, and SystemError where
// there can be no such process. It ends with the calling thread.
std::string apart(const std::function<std::string()>& read, std::chrono::milliseconds longest);

}  // namespace knockwork
