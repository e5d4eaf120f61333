#include "kernel/libraries/libmnl.hpp"

namespace knockwork {

const Libmnl& libmnl() {
  static const Libmnl loaded;
  return loaded;
}

}  // namespace knockwork
