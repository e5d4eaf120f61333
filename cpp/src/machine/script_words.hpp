// The words that a script may say about a packet.
#pragma once

#include <optional>
#include <string_view>

#include "machine/packet.hpp"

namespace knockwork {

// A word speaks about one aspect of a packet; a packet has one word for each.
enum class Aspect {
  flags,
  conntrack,
  direction,
  truth,
  echo,
  destination,
  address,
  ingress,
  need,
  icmp_type,
  connection,
  token,
  again
};

// Sets what the word says; of a packet without a target, the protocol says which types it may name. nullopt
// where there is no such word.
std::optional<Aspect> apply_word(std::string_view word, Packet& packet);

std::string_view to_string(Aspect aspect);  // "TCP flags", "conntrack state", …

}  // namespace knockwork
