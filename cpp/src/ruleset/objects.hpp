// What the objects of the table follow from, so that one difference is told once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace knockwork {

enum class Cause { always_allow, ports, settings, sequences, sources };

// Whether the set, map or chain of that name differs where these differ.
bool follows_from(std::string_view name, Cause cause);

// Whether these rules of a hook are alike but for what follows from the ports and places that sequences name.
bool differ_in_ports(std::string_view chain, std::vector<std::string> one, std::vector<std::string> other);

// Whether the chain says how long used tokens are remembered, which follows from the times of all sequences
// with tokens.
bool remembers_tokens(std::string_view chain);

// What a set holds of sequences that are no more, in a report's words.
std::string_view left_in(std::string_view set);

}  // namespace knockwork
