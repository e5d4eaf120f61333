// One question of a rule about a packet: "tcp dport { 22, 80 }".
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "surroundings/rule.hpp"

namespace knockwork {

struct Expression {
  std::vector<std::vector<std::string_view>> keys;  // one, or those of a concatenation
  std::string_view mask;
  std::string_view operation;  // "==", "!=", "!" (none of these bits), "<", …, "vmap", "set"
  std::string_view value;      // one word, the parts of a concatenation, bits, a set
};

// Reads on from `at`. Nothing where the words are of an unknown kind.
std::optional<Expression> read_expression(const std::vector<std::string_view>& words, std::size_t& at);

Tri matches(const Expression& expression, const Question& question);

}  // namespace knockwork
