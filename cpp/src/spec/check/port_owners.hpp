// Which sequence or list a port belongs to, asked and told in near constant time
// however wide the ranges are.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork::spec {

class PortOwners {
 public:
  // Gives the ports of `service` that have no owner yet to `owner`.
  void add(const Service& service, std::size_t owner);

  // The owner of the first owned port of `service`.
  std::optional<std::size_t> owner(const Service& service);

 private:
  static constexpr std::size_t kPorts = 65536;
  static constexpr std::uint32_t kNobody = UINT32_MAX;

  struct Ports {
    std::vector<std::uint32_t> owner;      // of each port
    std::vector<std::uint32_t> next_free;  // a forest: leads to the first port from here on without an owner
    std::vector<std::uint32_t>
        next_owned;  // the first port from here on with an owner; empty: to be worked out
  };
  Ports& ports(Protocol protocol) { return all_[protocol == Protocol::tcp ? 0 : 1]; }
  static void allocate(Ports& ports);
  static std::uint32_t find_free(Ports& ports, std::uint32_t from);

  std::array<Ports, 2> all_;
};

}  // namespace knockwork::spec
