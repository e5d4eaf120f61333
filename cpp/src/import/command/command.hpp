// What a command of a foreign configuration does to this host's firewall, as far as that can be known
// without running it. `%IP%` stands for the source, as in knockd(1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork {

struct Effect {
  enum class Kind {
    opens,    // services to the source alone
    closes,   // what another command has opened
    waits,    // sleep(1)
    nothing,  // a question, or a test run
    other     // why it can not be declared: `reason`
  };
  Kind kind = Kind::other;
  std::vector<Service> services{};  // of `opens`, and of `closes` as far as it names them
  std::vector<Network> to{};        // the destination, if it is named
  std::optional<Duration> time{};   // how long, if the command says so
  std::string reason{};             // of `opens`: what a declaration does not say, if anything
  bool ipv4 = true, ipv6 = true;    // of `opens`: the families of addresses
  bool spoils = false;              // of `other`: what else the line does cannot be relied on
};

// Why a rule without a port is not translated.
inline constexpr const char* kEveryPort =
    "it opens every port to the source: list the services that you need in `opens`";

Effect effect_of(std::string_view command);
Effect whole_of(std::vector<Effect> effects);  // of the rules of one command

}  // namespace knockwork
