// What was applied last, as far as the records of this host tell: for `status` and `metrics`.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

// Whether the live table is neither what was applied last nor what is kept as the last good gate, to which a
// rollback may have led. Nothing where there is no record. `now` is when it was read; without a number where
// others committed meanwhile. `other_spelling` makes it comparable with the last good gate, and is asked only
// where they differ.
using OtherSpelling = std::function<void(LiveTable&, const Ruleset&)>;
std::optional<bool> differs_from_applied(const LiveTable& live, const Generation& now,
                                         const OtherSpelling& other_spelling);

// When the table was last changed by an apply, or found to be as declared; since 1970.
std::optional<std::chrono::milliseconds> last_apply();
// When a controller or a hand last changed which epochs this host accepts.
std::optional<std::chrono::milliseconds> last_rotation();

}  // namespace knockwork
