// What can only be judged on the whole declaration: names that two sequences
// bear, ports that are meant for two things, keys that have no effect.
#pragma once

#include "spec/check/draft.hpp"
#include "yaml/faults.hpp"

namespace knockwork::spec {

inline constexpr int kMostUses = 64;  // of a port, by knocks of all sequences: each costs every packet to it

void check_names(const Draft& draft, Faults& faults);
void check_public_rules(const Draft& draft, Faults& faults);
void check_ports(const Draft& draft, Faults& faults);
void check_interfaces(const Draft& draft, Faults& faults);
void check_combinations(const Draft& draft, Faults& faults);

// The longest step_timeout; 5 s without sequences.
Duration longest_step(const Draft& draft);

// A sequence in a message: its name in backticks, or "a sequence" where it has none.
std::string title(const SequenceDraft& sequence);

}  // namespace knockwork::spec
