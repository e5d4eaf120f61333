#include "host/addresses.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <cstring>

#include "host/system_calls.hpp"
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

// Not by /proc/1/ns/net: the kernel shows that only to those who may trace process 1, and a unit with few
// capabilities may not. Files below /proc/PID/net are one for each namespace.
bool in_first_namespace() {
  struct stat own {
  }, first{};
  return ::stat("/proc/self/net/dev", &own) == 0 && ::stat("/proc/1/net/dev", &first) == 0 &&
         own.st_ino == first.st_ino && own.st_dev == first.st_dev;
}

}  // namespace knockwork
