// Values of a document → fields of a declaration. The table of keys names one of
// these functions for each key; read_map() walks a mapping by that table.
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>

#include "spec/check/draft.hpp"
#include "spec/check/profile_draft.hpp"
#include "spec/keys.hpp"
#include "values/values.hpp"
#include "yaml/faults.hpp"

namespace knockwork::spec {

// What a mapping is read into: by its scope, one of them is meant.
struct Target {
  Draft* draft = nullptr;
  SequenceDraft* sequence = nullptr;
  Derivation* derivation = nullptr;
  ProfileDraft* profile = nullptr;
  HostDraft* host = nullptr;
  PublicRule* rule = nullptr;
  Token* token = nullptr;
};

// Reads a mapping by the table of its scope: unknown, repeated, empty and
// missing keys are told here, for every key alike.
void read_map(Scope scope, const Value& map, Target target, Faults& faults);

// A list of sequences: the value of `sequences`, or a whole drop-in.
void read_sequence_list(const Value& list, Draft& draft, Faults& faults);

// The text of a scalar; nullopt, and told, where the value is something else.
std::optional<std::string_view> read_text(const Key& key, const Value& value, Faults& faults);

// Whether the value is a list; told where it is not.
bool is_list(const Key& key, const Value& value, Faults& faults);

// The faults of an entry of a list are told at the entry.
template <typename T>
std::optional<T> read_entry(const Key& key, const Value& entry, Parsed<T> (*parse)(std::string_view),
                            Faults& faults) {
  const auto text = read_text(key, entry, faults);
  if (!text) return std::nullopt;
  auto parsed = parse(*text);
  if (parsed) return std::move(*parsed);
  faults.at(entry, std::move(parsed.error()));
  return std::nullopt;
}

// Whether the entry is a number that Ansible may have made of digits behind a zero: YAML 1.1 takes 07000 for
// octal. Told then; who means the number puts it in quotes.
bool is_octal(const Value& entry, Faults& faults);

// Which of key.choices the value is; nullopt, and told, where it is none of them.
std::optional<std::size_t> choose(const Key& key, const Value& value, Faults& faults);

// The field that a pointer to member means in a target.
template <typename Field>
Field& field(Target& target, Field Spec::*member) {
  return target.draft->value.*member;
}
template <typename Field>
Field& field(Target& target, Field Sequence::*member) {
  return target.sequence->value.*member;
}
template <typename Field>
Field& field(Target& target, Field PublicRule::*member) {
  return target.rule->*member;
}
template <typename Field>
Field& field(Target& target, Field Derivation::*member) {
  return target.derivation->*member;
}

template <typename Field>
Field& field(Target& target, Field Token::*member) {
  return target.token->*member;
}

template <auto member, auto parse>
void read_scalar(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (auto parsed = read_entry(key, value, +parse, faults)) field(target, member) = std::move(*parsed);
}

// The choices of a key stand in the order of its enumeration.
template <auto member>
void read_choice(const Key& key, const Value& value, Target& target, Faults& faults) {
  using Choice = std::remove_reference_t<decltype(field(target, member))>;
  if (const auto chosen = choose(key, value, faults)) field(target, member) = static_cast<Choice>(*chosen);
}

template <auto member>
void read_integer(const Key& key, const Value& value, Target& target, Faults& faults) {
  using Integer = std::remove_reference_t<decltype(field(target, member))>;
  const auto text = read_text(key, value, faults);
  if (!text) return;
  auto parsed =
      parse_integer(*text, static_cast<std::uint32_t>(key.least), static_cast<std::uint32_t>(key.most));
  if (parsed) {
    field(target, member) = static_cast<Integer>(*parsed);
  } else {
    faults.at(value, std::move(parsed.error()));
  }
}

// A list of values that are told apart, each written once.
template <auto member, auto parse>
void read_list(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (!is_list(key, value, faults)) return;
  auto& list = field(target, member);
  list.clear();
  if (value.empty() && key.fallback != "[]")
    faults.at(value, {"an empty list", "write values, or remove the key: it has a default"});
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    auto parsed = read_entry(key, entry, +parse, faults);
    if (!parsed) continue;
    if (std::find(list.begin(), list.end(), *parsed) != list.end()) {
      faults.at(entry, {"a value that is listed twice", "remove one"});
      continue;
    }
    list.push_back(std::move(*parsed));
  }
  std::sort(list.begin(), list.end());
}

void read_network_list(const Key& key, const Value& list, std::vector<Network>& networks, Faults& faults);

template <auto member>
void read_networks(const Key& key, const Value& value, Target& target, Faults& faults) {
  read_network_list(key, value, field(target, member), faults);
}

void read_version(const Key& key, const Value& value, Target& target, Faults& faults);
void read_public(const Key& key, const Value& value, Target& target, Faults& faults);
void read_public_service(const Key& key, const Value& value, Target& target, Faults& faults);
void read_public_sources(const Key& key, const Value& value, Target& target, Faults& faults);
void read_ping(const Key& key, const Value& value, Target& target, Faults& faults);
void read_lockout(const Key& key, const Value& value, Target& target, Faults& faults);
void read_guards(const Key& key, const Value& value, Target& target, Faults& faults);
// Of the declaration, or of a sequence.
void read_interfaces(const Key& key, const Value& value, Target& target, Faults& faults);
void read_sequences(const Key& key, const Value& value, Target& target, Faults& faults);
void read_name(const Key& key, const Value& value, Target& target, Faults& faults);
void read_knocks(const Key& key, const Value& value, Target& target, Faults& faults);
void read_opens(const Key& key, const Value& value, Target& target, Faults& faults);
void read_epochs(const Key& key, const Value& value, Target& target, Faults& faults);
void read_derivation(const Key& key, const Value& value, Target& target, Faults& faults);
void read_token(const Key& key, const Value& value, Target& target, Faults& faults);
void read_hosts(const Key& key, const Value& value, Target& target, Faults& faults);
void read_patterns(const Key& key, const Value& value, Target& target, Faults& faults);
void read_address(const Key& key, const Value& value, Target& target, Faults& faults);

// One parsed document into the draft: the main file's keys, or a drop-in's sequences.
void read(const Document& document, Source::Kind kind, Draft& draft, Faults& faults);

}  // namespace knockwork::spec
