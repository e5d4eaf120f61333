// From sequences that were understood to a declaration that is valid.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "import/ledger.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

// A sequence that is being made, and the lines that it comes from.
struct Draft {
  Sequence sequence;
  Passage passage;
  std::vector<std::string> remarks{};  // of the import, if this sequence is in it
};

struct Drafts {
  Mode mode = Mode::gate;
  std::vector<PublicRule> open_to_all;  // with Mode::stealth
  std::vector<Draft> sequences;
};

// Names of sequences, each given once.
class Names {
 public:
  // A valid one near `wanted`; empty where nothing of it can be kept.
  std::string free(const std::string& wanted);

 private:
  std::map<std::string, int> given_;  // and how often something like it was wanted
};

// Drops what the declaration's own rules refuse, with their words, and settles every passage.
void compose(Drafts drafts, const std::string& from, Imported& imported);

}  // namespace knockwork
