#include "kernel/netlink/libmnl.hpp"

namespace knockwork {

const Libmnl& libmnl() {
  static const Libmnl loaded;
  return loaded;
}

}  // namespace knockwork
