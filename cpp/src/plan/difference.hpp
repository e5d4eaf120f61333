// The transaction that turns the live table into the compiled one.
#pragma once

#include "ruleset/transaction.hpp"

namespace knockwork {

// How a set gets another size: where it stands (recent kernels), or made anew
// with its elements carried over (kernels that ignore the alteration).
enum class Resize { in_place, anew };

// Pure. `live` is null where there is no table; one that is not ours is the
// caller's to refuse. Comparing a table with itself gives an empty transaction.
Transaction difference(const LiveTable* live, const Ruleset& wanted, Resize resize = Resize::in_place);

}  // namespace knockwork
