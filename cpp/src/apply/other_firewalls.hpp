// What a declaration compiles to, beside what other firewalls do with the same packets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"
#include "surroundings/surroundings.hpp"
#include "tokens/record.hpp"

namespace knockwork {

// What a declaration compiles to.
struct Wanted {
  explicit Wanted(const Spec& spec);
  explicit Wanted(Ruleset kept);  // that was applied: it adapts where the last apply did
  Program program;
  Ruleset ruleset;
  std::optional<std::vector<TokenFeed>> feeds;  // of its tokens; nothing: as they were applied
  bool adapts = false;  // what is refused is answered as other firewalls answer at closed ports
};

struct Beside {
  Ruleset ruleset;
  std::optional<std::vector<Answered>> seen;  // what the gate has to answer as they do; nothing: not known
};

// Warns of what they spoil. What cannot be read of other firewalls stops no gate: then it answers as before.
Beside beside_others(const Wanted& wanted, std::vector<std::string>& warnings, Kernel& kernel);

// At a start of the host the others may not stand yet: then as they did before.
Beside as_before(const Wanted& wanted, Beside beside);

// Warns of what they spoil; returns what the gate answers as they do.
std::vector<Answered> warn_of_others(std::vector<std::string>& all, const std::vector<OtherTable>& others,
                                     const Wanted& wanted);

}  // namespace knockwork
