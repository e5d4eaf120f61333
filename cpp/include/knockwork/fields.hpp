// A declaration's values under the names of their keys, in the order of the table of keys.
//
// What prints a declaration or shows it to another language walks these instead of
// naming every key once more, so a key of the table cannot be forgotten there.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork {

// One of the words that a key allows.
struct ChosenWord {
  std::string_view text;
};

// What `public` holds: services for everyone, and rules with conditions.
struct Publics {
  const std::vector<Service>* services;
  const std::vector<PublicRule>* rules;
};

// Nothing where nothing is declared and there is no default. Texts, lists and parts belong to the value that
// was asked, and live as long.
using FieldValue =
    std::variant<std::monostate, bool, std::uint64_t, std::string_view, ChosenWord, Duration, PortRange,
                 const Guards*, Publics, Knock, const PublicRule*, const Derivation*, const Token*,
                 const std::vector<Knock>*, const std::vector<Service>*, const std::vector<Network>*,
                 const std::vector<std::string>*, const std::vector<Protocol>*, const std::vector<PortRange>*,
                 const std::vector<std::uint64_t>*, const std::vector<Sequence>*>;

struct Field {
  std::string_view name;  // of the key
  bool hidden = false;    // it holds ports or a secret: for its owner's eyes
  bool effective = true;  // false: written out it would be refused, for it has no effect beside the others
  bool client = false;    // who knocks has a use for it
  FieldValue value;
};

std::vector<Field> fields(const Spec& spec);
std::vector<Field> fields(const Sequence& sequence);
std::vector<Field> fields(const Derivation& derivation);
std::vector<Field> fields(const PublicRule& rule);
std::vector<Field> fields(const Token& token);

}  // namespace knockwork
