// The flowtables of all tables, as nftables lists them.
#pragma once

#include <string_view>
#include <vector>

#include "knockwork/kernel.hpp"

namespace knockwork {

// Reads the text of `nft list flowtables`: pure. Lines that are nothing of that kind are left out.
std::vector<Flowtable> parse_flowtables(std::string_view listing);

}  // namespace knockwork
