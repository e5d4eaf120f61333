// By netlink: the elements of a table's sets, as `nft -p list` writes them. libnftables makes an expression
// of each first, which takes ten times as long: no matter in a small table.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace knockwork {

struct DumpedSet {
  std::string name;
  bool is_map = false;
  bool understood = false;  // else nftables has to be asked: intervals, expressions, other types
  std::size_t count = 0;
  std::string elements;  // "7000 : 1, 8000 : 2"
};

// The named sets of an inet table ("inet knockwork"); none where there is no such table. Throws SystemError.
std::vector<DumpedSet> dump_sets(std::string_view table);

}  // namespace knockwork
