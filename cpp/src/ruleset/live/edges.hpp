// Which edges a ruleset has, as its sets name them.
#pragma once

#include <string_view>
#include <unordered_set>

#include "ruleset/ruleset.hpp"

namespace knockwork {

using EdgeKeys = std::unordered_set<std::string_view>;  // they live as long as the ruleset

EdgeKeys edge_keys(const Ruleset& ruleset);
EdgeKeys last_edge_keys_of_once(const Ruleset& ruleset);  // of `once` sequences
bool has_edge(const Ruleset& ruleset, EdgeId edge);

}  // namespace knockwork
