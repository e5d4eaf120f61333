// Single commands of firewalls, word by word, as their manual pages have them.
#pragma once

#include "import/command/command.hpp"
#include "import/command/shell.hpp"

namespace knockwork {

// `words` without the program's name.
enum class Addresses { ipv4, ipv6 };
Effect effect_of_iptables(const Words& words, Addresses family);
Effect effect_of_knock_helper(const Words& words);  // knock_helper_ipt.sh, which comes with knockd
Effect effect_of_ufw(const Words& words);
Effect effect_of_firewall_cmd(const Words& words);
Effect effect_of_nft(const Words& words);

// A rule that accepts, as its parts are found.
struct Accepting {
  std::string source, destination, protocol;
  std::vector<std::string> ports;  // "22", "6000-6010", "ssh"
  std::string remark;
  std::optional<Duration> time{};
  bool ipv4 = true, ipv6 = true;  // families of addresses
};

// What it opens, or why it can not be declared.
Effect opened_by(const Accepting& rule);
Effect other(const char* reason);

inline constexpr const char* kEveryone = "it opens to everyone: there is no %IP% as the source";
inline constexpr const char* kAddsToSet =
    "it adds the source to a set: what that opens is said where the set is used";
inline constexpr const char* kUnknownWord = "it has an option that is not understood";

}  // namespace knockwork
