// Which sequences open a port, asked of many connections.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "program/program.hpp"

namespace knockwork {

class Openers {
 public:
  struct Use {
    const Track* track;
    Service service;
  };

  // The tracks outlive it.
  explicit Openers(const std::vector<Track>& tracks);

  const std::vector<Use>& of(Protocol protocol, std::uint16_t port);

 private:
  const std::vector<Track>& tracks_;
  std::map<Protocol, std::vector<bool>> open_;
  std::map<std::pair<Protocol, std::uint16_t>, std::vector<Use>> uses_;
};

}  // namespace knockwork
