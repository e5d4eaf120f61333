// One rule of a chain, as far as it can have a part in knocking.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "import/nft/text.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

// What a set holds of a source: its address, alone or with one port (`ip saddr . tcp dport`).
struct NftMember {
  std::string set;
  std::string port;  // empty: the address alone
  auto operator<=>(const NftMember&) const = default;
};

struct NftRule {
  std::vector<Service> ports;       // the destination's; empty: any
  std::vector<NftMember> members;   // the source is in each of these
  std::optional<NftMember> other;   // and not in this one
  std::optional<NftMember> adds;    // its source
  std::string timeout;              // of what it adds; empty: the set's
  std::string verdict;              // "accept", "drop", "reject", "return", "jump", "goto"; empty: none
  std::string chain;                // of a jump
  bool begins = true;               // it concerns new connections too
  bool loopback = false;            // only packets of this host to itself
  bool ipv6 = false, ipv4 = false;  // the family of addresses that it asks for
  std::string remark;               // what a declaration does not say
  bool deletes = false;             // what it was in before
  bool partial = false;     // it concerns some packets only: of one interface, with flags, within a rate
  bool understood = true;   // false: something else is asked or done
  bool may_refuse = false;  // not understood, and more than `accept` comes of it
  bool is_icmp = false;     // so it concerns no port
};

NftRule read_nft_rule(const NftStatement& statement, const std::string& table);  // "inet filter "

}  // namespace knockwork
