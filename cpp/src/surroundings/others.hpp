// The tables of others, as far as they decide about packets for this host and through it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace knockwork {

// Of base chains of type filter; `none` of every other chain.
enum class Hook { none, prerouting, input, forward };

struct OtherChain {
  std::string name;
  Hook hook = Hook::none;
  int priority = 0;
  bool policy_drops = false;
  std::vector<std::string> rules;
  bool operator==(const OtherChain&) const = default;
};

struct OtherTable {
  std::string family;  // inet, ip or ip6
  std::string name;
  std::vector<OtherChain> chains;
  bool operator==(const OtherTable&) const = default;
};

// Reads the text of `nft -t -p list ruleset`. Leaves out our own table, tables that sleep, and
// families that see no such packets. What it does not know it skips.
std::vector<OtherTable> parse_others(std::string_view listing);

}  // namespace knockwork
