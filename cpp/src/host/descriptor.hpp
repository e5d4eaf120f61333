// A file descriptor that is closed when nobody holds it any more.
#pragma once

#include <unistd.h>

#include <utility>

namespace knockwork {

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
