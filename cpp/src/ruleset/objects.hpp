// What the objects of the table follow from, so that one difference is told once.
#pragma once

#include <string_view>

namespace knockwork {

enum class Cause { always_allow, places, ports, settings, sequences, sources };

// Whether the set, map or chain of that name differs where these differ.
bool follows_from(std::string_view name, Cause cause);

// Whether the set holds the uses of `once` sequences.
bool holds_spent_uses(std::string_view set);

}  // namespace knockwork
