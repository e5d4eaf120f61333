#include "spec/check/port_owners.hpp"

#include <numeric>

namespace knockwork::spec {

// Most declarations use one protocol for a purpose: no ports are held for the other.
void PortOwners::allocate(Ports& ports) {
  ports.owner.assign(kPorts, kNobody);
  ports.next_free.resize(kPorts + 1);
  std::iota(ports.next_free.begin(), ports.next_free.end(), 0U);
}

std::uint32_t PortOwners::find_free(Ports& ports, std::uint32_t from) {
  while (ports.next_free[from] != from) {
    ports.next_free[from] = ports.next_free[ports.next_free[from]];  // halve the way for the next who asks
    from = ports.next_free[from];
  }
  return from;
}

void PortOwners::add(const Service& service, std::size_t owner) {
  Ports& mine = ports(service.protocol);
  if (mine.owner.empty()) allocate(mine);
  for (std::uint32_t port = find_free(mine, service.first); port <= service.last;
       port = find_free(mine, port)) {
    mine.owner[port] = static_cast<std::uint32_t>(owner);
    mine.next_free[port] = port + 1;
    mine.next_owned.clear();
  }
}

std::optional<std::size_t> PortOwners::owner(const Service& service) {
  Ports& mine = ports(service.protocol);
  if (mine.owner.empty()) return std::nullopt;
  if (mine.next_owned.empty()) {
    mine.next_owned.assign(kPorts + 1, kNobody);
    for (std::size_t port = kPorts; port-- > 0;) {
      mine.next_owned[port] =
          mine.owner[port] == kNobody ? mine.next_owned[port + 1] : static_cast<std::uint32_t>(port);
    }
  }
  const std::uint32_t port = mine.next_owned[service.first];
  if (port == kNobody || port > service.last) return std::nullopt;
  return mine.owner[port];
}

}  // namespace knockwork::spec
