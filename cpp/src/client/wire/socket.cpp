#include <unistd.h>

#include <utility>

#include "knockwork/client.hpp"

namespace knockwork {

Socket::~Socket() {
  if (number_ >= 0) ::close(number_);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

int Socket::release() { return std::exchange(number_, -1); }

}  // namespace knockwork
