// The last ruleset that was applied and not taken back, what stands where it had to be loaded, and that the
// gate was removed.
//
// /var/lib/knockwork/last_good: a line with the digest of what follows, which is the ruleset as
// to_nft() writes it. A start that cannot apply the declaration loads it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ruleset/ruleset.hpp"

namespace knockwork {

// Keeps it where it is not kept already. What cannot be written is a warning; then it stays in doubt
// (in_doubt.hpp).
void keep_last_good(const Ruleset& ruleset, const std::string& digest, std::vector<std::string>& warnings);
// Throws SystemError where it is damaged; nothing where there is none.
std::optional<Ruleset> read_last_good();
// Of what is kept; empty where nothing is, or nothing that can be read.
std::string last_good_digest();
void forget_last_good();

// Why, for `status`; lost where it cannot be written. The first with an empty text forgets it.
void note_stand_in(const std::string& why);
std::optional<std::string> stand_in_note();

// That nothing brings the gate back but an apply that somebody asks for, or the next start of the host;
// `boot` is what Generation has. The first throws SystemError. keep_last_good() forgets it.
void note_removed(const std::string& boot);
bool is_removed(const std::string& boot);

}  // namespace knockwork
