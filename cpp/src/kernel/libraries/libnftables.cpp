#include "kernel/libraries/libnftables.hpp"

namespace knockwork {

const Libnftables& libnftables() {
  static const Libnftables loaded;
  return loaded;
}

}  // namespace knockwork
