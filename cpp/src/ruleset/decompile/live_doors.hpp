// Which doors a live ruleset has elsewhere than on this host, read back from its places.
#pragma once

#include <map>
#include <set>
#include <string>

#include "ruleset/ruleset.hpp"

namespace knockwork {

class LiveDoors {
 public:
  explicit LiveDoors(const Ruleset& ruleset);

  // By what stands in a rule: "0x1a2b3c4d . 0x5e6f7081"; null where no place leads there.
  const Door* find(const std::string& marks) const;

 private:
  void read_places(const Ruleset& ruleset, const std::string& map);
  void read_conditional(const Ruleset& ruleset, std::string_view map);
  std::map<std::string, Door> doors_;
};

// "17 . 7000", "17 . 60000-61000"
std::optional<Service> parse_ports(std::string_view key);

}  // namespace knockwork
