// The table's tokens: which ones it gets, and when it gets more.
//
// Pure, but for the secret files that keys come from.
#pragma once

#include <string>
#include <vector>

#include "ruleset/tokens.hpp"
#include "tokens/record.hpp"

namespace knockwork {

// What became of the sets that remember used tokens since the record was written.
enum class UsedTokens { remembered, forgotten };

struct Fed {
  enum class Kind { enough, topped_up, anew };
  Kind kind = Kind::enough;
  Transaction transaction;            // empty with `enough`, and where nothing is to be put anywhere
  TokenRecord record;                 // of the table afterwards
  std::vector<std::string> replaced;  // sequences whose tokens are others than before
};

// `wanted` is what tokens shall open. With `remembered` and nothing changed, tokens are only added, beyond
// what the record has. Else all are put there anew, and what may have been used is drawn anew as well: that
// is a loss, of one sequence where it alone changed. A clock that went back is one. Where it was set
// ahead, or the host slept, the tokens that are there would outlive their windows: the same ones are put
// there anew. Throws SystemError where a key cannot be had; with `skipped`, its sequence gets no tokens, and
// a warning says so.
enum class NoKey { refused, skipped };
Fed feed(const std::vector<TokenFeed>& wanted, TokenRecord record, UsedTokens used, const Moment& now,
         NoKey no_key, std::vector<std::string>& warnings);

// What of the record's tokens is in the table, and what else is. Those whose key cannot be had are no
// strangers.
struct TokensThere {
  std::size_t all = 0;        // that should be there
  std::size_t missing = 0;    // of them
  std::size_t strangers = 0;  // that the record does not know
  bool good = true;           // the table says until when they are good
};
TokensThere tokens_there(const LiveTable& live, const TokenRecord& record, const Moment& moment);

}  // namespace knockwork
