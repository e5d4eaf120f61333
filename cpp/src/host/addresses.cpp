#include "host/addresses.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>

#include "host/uninterrupted.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {

std::set<Network> own_addresses() {
  std::set<Network> own;
  ifaddrs* all = nullptr;
  if (uninterrupted([&] { return ::getifaddrs(&all); }) != 0) {
    throw SystemError(
        fmt::format("cannot determine this host's addresses: {}; nothing was changed", std::strerror(errno)));
  }
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    Network network;
    if (each->ifa_addr->sa_family == AF_INET) {
      network.prefix = 32;
      std::memcpy(network.bytes.data(), &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, 4);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      network.ipv6 = true;
      network.prefix = 128;
      std::memcpy(network.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr,
                  16);
    } else {
      continue;
    }
    own.insert(network);
  }
  ::freeifaddrs(all);
  return own;
}

}  // namespace knockwork
