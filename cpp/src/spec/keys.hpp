// The one table of the keys of declarations and profiles: names, defaults, documentation.
//
// Reading, suggestions for misspelt keys, the JSON Schema, the reference page and
// keys_json() (from it the options of the Ansible modules) all come from here, so
// none of them can disagree. Other rooms may read it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "yaml/faults.hpp"

namespace knockwork::spec {

// Which mapping a key stands in.
enum class Scope { declaration, public_entry, sequence, derive, profile, host };

// What a key's value looks like; schema.cpp and keys_json.cpp say what each means.
enum class Form {
  version,
  choice,
  duration,
  integer,
  boolean,
  name,
  path,
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

// Reads the value of `key` into its place in the target, or says what is wrong.
using ReadKey = void (*)(const Key& key, const Value& value, Target& target, Faults& faults);

struct Key {
  std::string_view name;
  Scope scope;
  Form form;
  ReadKey read;
  std::string_view fallback;  // the default as a declaration writes it; empty where there is none
  std::string_view example;   // a value, as a declaration writes it
  std::string_view doc;       // sentences
  bool secret = false;        // its value stays out of logs, diffs and errors
  bool required = false;
  std::string_view unless{};  // a required key may be missing where this one is there
  std::span<const std::string_view> choices{};
  int least = 0, most = 0;  // of an integer
};

// The keys of one mapping, in the order of their documentation.
std::span<const Key> keys(Scope scope);

// All keys of a declaration's mappings.
std::vector<Key> all_keys();

// "declaration", "public", "sequence", "derive", "profile" or "host".
std::string_view to_string(Scope scope);

// For a person: "a duration", "a list of networks".
std::string_view to_string(Form form);

}  // namespace knockwork::spec
