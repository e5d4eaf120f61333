// What becomes of a packet at the chains of others.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "surroundings/others.hpp"
#include "surroundings/rule.hpp"

namespace knockwork {

struct Fate {
  enum class Kind { accepted, dropped, rejected, unknown };
  Kind kind = Kind::accepted;
  std::string with;   // of a rejection: "icmpx admin-prohibited", "tcp reset"
  std::string chain;  // where it ends: "inet firewalld filter_INPUT"; empty where it is accepted
  auto operator<=>(const Fate&) const = default;
};

// Every one that is possible at these hooks, one after the other; one where it is certain.
std::set<Fate> fates(const std::vector<OtherTable>& tables, const Question& question,
                     const std::vector<Hook>& hooks);

}  // namespace knockwork
