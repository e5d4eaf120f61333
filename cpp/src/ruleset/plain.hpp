// What was read from a file, before any of it becomes text of nftables: a file may be damaged, or
// written by somebody else, and a key may be a command.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ruleset/ruleset.hpp"

namespace knockwork {

// The key of a set of `type` ("ipv4_addr . inet_proto . inet_service"), each of its parts read as
// what it is and written anew; nullopt where it is no such key, or the type is none that we keep.
std::optional<std::string> parse_key(std::string_view type, std::string_view text);

// Whether every text of it stays within the object that it belongs to: no statement ends, no brace
// closes and no quote opens that is not its own. True of whatever nftables lists.
bool is_plain(const Ruleset& ruleset);

// The ruleset that to_nft() wrote, with whatever stands before the table. Throws std::runtime_error where
// the text is none, or none that is plain.
Ruleset parse_plain(std::string_view text);

}  // namespace knockwork
