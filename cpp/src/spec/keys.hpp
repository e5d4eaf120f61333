// The one table of the keys of declarations and profiles: names, defaults, documentation.
//
// Reading, writing, suggestions for misspelt keys, the JSON Schema, the reference
// page, the properties of Python's values and keys_json() (from it the options of
// the Ansible modules and Python's stubs) all come from here, so none of them can
// disagree. Other rooms may read it.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "knockwork/fields.hpp"
#include "yaml/faults.hpp"

namespace knockwork::spec {

// Which mapping a key stands in.
enum class Scope { declaration, public_entry, sequence, derive, token, profile, host };

// What a key's value looks like; schema.cpp and keys_json.cpp say what each means.
enum class Form {
  version,
  choice,
  duration,
  integer,
  boolean,
  name,
  path,
  knock,
  knocks,
  services,
  service,
  publics,
  networks,
  interfaces,
  interface,
  guards,
  sequences,
  derivation,
  token,
  sequence_key,
  host,
  protocols,
  range,
  ranges,
  epochs,
  address,
  patterns,
  hosts,
};

struct Key;
struct Target;  // what is being filled: readers.hpp
struct Origin;  // what is being shown: fields.hpp

// Reads the value of `key` into its place in the target, or says what is wrong; and its value there.
using ReadKey = void (*)(const Key& key, const Value& value, Target& target, Faults& faults);
using ValueOfKey = FieldValue (*)(const Key& key, const Origin& origin);

// Both are there, but for profiles' own keys, which have no value. A function's address is no constant to
// every compiler and sanitizer, so which of the two it was is kept beside them.
struct Access {
  constexpr Access(ReadKey reads, ValueOfKey gives) : read(reads), value(gives), whole(true) {}
  constexpr Access(ReadKey reads, std::nullptr_t) : read(reads), value(nullptr), whole(false) {}
  ReadKey read;
  ValueOfKey value;
  bool whole;
};

struct Key {
  std::string_view name;
  Scope scope;
  Form form;
  Access access;
  std::string_view fallback;  // the default as a declaration writes it; empty where there is none
  std::string_view example;   // a value, as a declaration writes it
  std::string_view doc;       // sentences
  bool secret = false;        // its value stays out of logs, diffs and errors
  bool client = false;        // who knocks has a use for it
  bool required = false;
  std::array<std::string_view, 2> unless{};  // a required key may be missing where one of these is there
  std::span<const std::string_view> choices{};
  int least = 0, most = 0;                     // of an integer
  bool (*effective)(const Origin&) = nullptr;  // where it is refused as one without effect: false
};

// The keys of one mapping, in the order of their documentation.
std::span<const Key> keys(Scope scope);

// All keys of a declaration's mappings.
std::vector<Key> all_keys();

// Whether values of that form have ports in them, which are for their owner's eyes.
bool holds_ports(Form form);

// Whether a declaration may have no value for the key, neither given nor by default.
bool may_be_nothing(const Key& key);

// "declaration", "public", "sequence", "derive", "token", "profile" or "host".
std::string_view to_string(Scope scope);

// For a person: "a duration", "a list of networks".
std::string_view to_string(Form form);

}  // namespace knockwork::spec
