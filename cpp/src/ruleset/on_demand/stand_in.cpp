#include "ruleset/on_demand/stand_in.hpp"

#include <algorithm>

namespace knockwork {
namespace {

constexpr const char* kStandIn = "stand_in";

}  // namespace

Ruleset as_stand_in(Ruleset ruleset) {
  const auto at = std::lower_bound(ruleset.chains.begin(), ruleset.chains.end(), kStandIn,
                                   [](const Chain& chain, const char* name) { return chain.name < name; });
  ruleset.chains.insert(at, Chain{kStandIn, "", {}, {}});
  return ruleset;
}

bool is_stand_in(const Ruleset& ruleset) { return ruleset.chain(kStandIn) != nullptr; }

}  // namespace knockwork
