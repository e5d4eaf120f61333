// `all/tcp` and `all/udp`: every port of the protocol but those that this host's knocks, guards and tokens
// need.
#pragma once

#include "knockwork/spec.hpp"

namespace knockwork {

inline bool is_all_ports(const Service& service) { return service.first == 1 && service.last == 65535; }

}  // namespace knockwork
