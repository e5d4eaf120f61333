// A table with many elements: nftables lists its rules, and netlink has the elements, in a fraction of the
// time and memory that nftables would take for them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace knockwork {

// What `nft -p list table inet knockwork` prints, though with other spaces. Nothing where the table has fewer
// elements, is not there, or changes in the meantime: then nftables is to be asked for all of it. Throws
// SystemError.
std::optional<std::string> list_by_sets(std::size_t least);

}  // namespace knockwork
