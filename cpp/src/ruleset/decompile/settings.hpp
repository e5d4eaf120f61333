// What a ruleset says of the settings that it was compiled from, in a report's words. Ports are counted, not
// shown. An empty text: the ruleset does not say.
#pragma once

#include <string>

#include "ruleset/ruleset.hpp"

namespace knockwork {

struct LiveSettings {
  std::string mode;         // "gate", "stealth"
  std::string refuse;       // "drop", "reject"
  std::string wrong_knock;  // "ignore", "lockout for 10m"
  std::string sources;
  std::string ipv4_prefix, ipv6_prefix;
  std::string log;
  std::string always_allow;
  std::string interfaces;
  std::string public_ports;  // "3 ports"
  std::string guards;        // the same
};

LiveSettings settings_of(const Ruleset& ruleset);

}  // namespace knockwork
