// A declaration half read: its values beside the places they came from, so that
// what can only be judged on the whole (duplicate names, ports used for two
// things) is still reported where it stands.
#pragma once

#include <string_view>
#include <vector>

#include "knockwork/spec.hpp"
#include "yaml/document.hpp"

namespace knockwork::spec {

struct SequenceDraft {
  Sequence value;
  Value at;                   // its mapping
  Value name;                 // false where it has none that is valid
  std::vector<Value> knocks;  // places of value.knock
  std::vector<Value> opens;   // places of value.opens
  Value derive, token;        // false where it has none
};

struct Draft {
  Spec value;
  Value top;                                             // the main document's mapping
  Value lockout, guards, public_list, ping, interfaces;  // places; false where the key is absent
  std::vector<Value> public_services;                    // places of value.public_services
  std::vector<Value> public_rules;                       // places of value.public_rules
  std::vector<Value> guard_ports;                        // places of value.guards.ports
  std::vector<SequenceDraft> sequences;
};

// The value of a key, valid or not; false where the key is absent.
Value find_key(const Value& map, std::string_view key);

}  // namespace knockwork::spec
