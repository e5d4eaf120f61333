// A file for `nft -f` as its tables, chains, sets and rules; nft(8). Values stay words.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "import/ledger.hpp"

namespace knockwork {

// The words of a rule, with braces, commas, dots and operators apart; strings without their quotes. `$name`
// is replaced by what was defined.
struct NftStatement {
  std::vector<std::string> words;
  int first = 0, last = 0;     // lines
  std::vector<int> defines{};  // lines of the definitions that it uses
};

struct NftChain {
  std::vector<int> lines;  // but those of its rules
  bool hooked = false;     // to packets for this host
  bool drops = false;      // what no rule decides
  int policy_line = 0;     // that says so
  std::vector<NftStatement> rules;
};

struct NftSet {
  std::vector<int> lines;
  std::string timeout;  // of its elements; empty: none
};

// By name, with the table's: "inet filter input".
struct NftText {
  std::map<std::string, NftChain> chains;
  std::map<std::string, NftSet> sets;
  int unclear = 0;  // the first line because of which there may be other rules than these; 0: none
};

// Why a line is left out that does not knock.
inline constexpr const char* kNotKnocking = "it has no part in knocking: keep it in a ruleset of your own";

// Notes what has no meaning for knocking; rules, sets and chains are for the caller to note.
NftText read_nft(Ledger& ledger);

}  // namespace knockwork
