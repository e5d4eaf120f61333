// A note of what was last seen to stand in the kernel, and when.
//
// The generation moves with every transaction of anybody and with nothing
// else. So where it is still the noted one, and the wanted ruleset is the noted
// one, nothing can differ, and reading the table would only cost time. A lost
// or stale note costs exactly that reading.
#pragma once

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// A digest of the ruleset as a whole (SHA-256, hexadecimal), but for what a revocation
// has put beside it: that is nobody's declaration.
std::string digest(const Ruleset& ruleset);
std::string digest(const std::string& text);

bool stamped(const Generation& generation, const std::string& digest);

// What was noted; an empty digest where nothing is.
struct Stamp {
  Generation generation;
  std::string digest;
};
Stamp last_stamp();

// Notes it; what cannot be written is no error.
void stamp(const Generation& generation, const std::string& digest);

// What is noted was just found to be so: the note is as new as if it had been written now.
void stamp_again();

// Where something else than the table is to be looked at.
void forget_stamp();

}  // namespace knockwork
