// The sets that tokens are in: what fills them, and what tells whether they are still the same.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ruleset/transaction.hpp"

namespace knockwork {

// Those to come, by the sequence that each opens; those that somebody is about to use, with a bucket of one
// packet each, so that of two processors with the same token one comes through; those that were used; and
// until when the first are good, by the wall clock.
inline constexpr std::string_view kTokens = "tokens", kClaimed = "claimed", kUsed = "used", kGood = "good";

struct TokenEntry {
  std::array<std::uint8_t, 16> token{};
  std::chrono::milliseconds left{0};  // before it expires
  EdgeId edge = 0;
};

// Puts tokens into the table, with `anew` in place of all that are there; they are good from one time to the
// other, in seconds since 1970.
Transaction put_tokens(const std::vector<TokenEntry>& tokens, std::chrono::seconds from,
                       std::chrono::seconds to, bool anew);

// Takes out what put_tokens() put into a transaction. With `anew` the sets are emptied all the same: whose
// tokens those were may be let in no longer.
void leave_tokens_out(Transaction& transaction);

// Whether a transaction makes or deletes one of these sets.
bool makes_token_sets(const Transaction& transaction);

std::size_t count_all(std::string_view set, const LiveTable& live);

// How many of them are in one of these sets.
std::size_t count_in(std::string_view set, const LiveTable& live, const std::vector<TokenEntry>& tokens);

}  // namespace knockwork
