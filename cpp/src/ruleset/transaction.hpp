// The actions that change the live table.
//
// Every action is an object of nftables; executed in the order of the list they
// are one transaction. One without actions means: unchanged.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "ruleset/ruleset.hpp"

namespace knockwork {

struct AddTable {
  auto operator<=>(const AddTable&) const = default;
};
struct DeleteTable {
  auto operator<=>(const DeleteTable&) const = default;
};
struct WakeTable {  // takes the flag `dormant` away
  auto operator<=>(const WakeTable&) const = default;
};
struct FlushChain {
  std::string chain;
  bool operator==(const FlushChain&) const = default;
};
struct EmptySet {  // of all its elements
  std::string set;
  bool map = false;
  bool operator==(const EmptySet&) const = default;
};
struct DeleteElements {
  std::string set;
  std::vector<Element> elements;
  bool operator==(const DeleteElements&) const = default;
};
// Of a dynamic set: gone whether or not they expired meanwhile. One that did takes room until it is gone, and
// there is as much in a full set as was forgotten before: so those that are there for sure come first.
struct ForgetElements {
  std::string set;
  std::vector<std::string> keys;
  bool operator==(const ForgetElements&) const = default;
};
struct DeleteSet {
  std::string set;
  bool map = false;
  bool operator==(const DeleteSet&) const = default;
};
struct DeleteStranger {
  Stranger stranger;
  bool operator==(const DeleteStranger&) const = default;
};
struct DeleteChain {
  std::string chain;
  bool operator==(const DeleteChain&) const = default;
};
struct AddChain {  // without its rules
  Chain chain;
  bool operator==(const AddChain&) const = default;
};
struct AddSet {  // without its elements; on one that is there it alters the size
  Set set;
  bool operator==(const AddSet&) const = default;
};
struct AddElements {
  std::string set;
  std::vector<Element> elements;
  bool operator==(const AddElements&) const = default;
};
struct CarryElements {  // into a dynamic set made anew, remaining time included
  std::string set;
  std::vector<LiveElement> elements;
  bool operator==(const CarryElements&) const = default;
};
struct FeedElements {  // whose elements are no part of a declaration: tokens.hpp
  std::string set;
  std::vector<std::string> elements;
  bool operator==(const FeedElements&) const = default;
};
struct AddRules {
  std::string chain;
  std::vector<std::string> rules;
  bool operator==(const AddRules&) const = default;
};

using Action = std::variant<AddTable, DeleteTable, WakeTable, FlushChain, EmptySet, DeleteElements,
                            ForgetElements, DeleteSet, DeleteStranger, DeleteChain, AddChain, AddSet,
                            AddElements, CarryElements, FeedElements, AddRules>;

struct Transaction {
  std::vector<Action> actions;
  bool empty() const { return actions.empty(); }
  void append(const Transaction& more) {
    actions.insert(actions.end(), more.actions.begin(), more.actions.end());
  }
  bool operator==(const Transaction&) const = default;
};

// The script for libnftables; each action in its order.
std::string to_nft(const Transaction& transaction);

}  // namespace knockwork
