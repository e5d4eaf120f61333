// What this host remembers of the tokens that it has put into the table: how far it came, and how often it
// may have forgotten which ones were used.
//
// /var/lib/knockwork/tokens.json is written and synced before anything is committed, so that no token is ever
// put there a second time under the same number of losses.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "knockwork/token.hpp"
#include "program/program.hpp"

namespace knockwork {

// One sequence that tokens open, as it was applied: a top-up goes by this, not by the declaration, which may
// be broken by then.
struct TokenFeed {
  std::string name;
  EdgeId edge = 0;
  Token token;  // with its host
  bool operator==(const TokenFeed&) const = default;
};

// Those of a declaration, with the edges of its program.
std::vector<TokenFeed> token_feeds(const Spec& spec, const Program& program);

// Days since 1970, UTC, both included.
struct Days {
  std::uint64_t from = 0, to = 0;
  auto operator<=>(const Days&) const = default;
};
// The same days, as few stretches as hold them.
std::vector<Days> fewest(std::vector<Days> days);

// How often something was lost, by the days that it concerns. A client begins each day with
// none, so a host that loses often shuts out nobody who comes seldom.
class LostDays {
 public:
  struct Span {
    Days days;
    Losses count = 0;
    bool operator==(const Span&) const = default;
  };
  LostDays() = default;
  explicit LostDays(std::vector<Span> spans) : spans_(std::move(spans)) {}
  Losses on(std::uint64_t day) const;
  void add(const Days& days);
  const std::vector<Span>& spans() const { return spans_; }
  bool operator==(const LostDays&) const = default;

 private:
  std::vector<Span> spans_;
};

// The time that tokens are of, and the one by which the table lets them expire.
struct Moment {
  UnixTime wall{0};
  std::chrono::milliseconds awake{0};  // awake_clock()
};
Moment this_moment();

struct TokenRecord {
  struct Sequence {
    TokenFeed feed;
    std::string check;         // tells one key from another, and nothing else of it
    bool present = false;      // in the table; else it was once
    UnixTime loaded_to{0};     // tokens up to there were put into the table
    std::vector<Days> loaded;  // the days of all that were, since the last loss
    LostDays lost;
    bool operator==(const Sequence&) const = default;
  };
  std::string memory;                   // Kernel::token_memory() after the last time; empty: not known
  std::string machine;                  // whose table it was: a digest of machine-id(5)
  std::chrono::milliseconds offset{0};  // of the clocks of a Moment when all of them were put there
  LostDays lost;                        // of all sequences
  std::map<std::string, Sequence> sequences;
  bool operator==(const TokenRecord&) const = default;
};

// Those that are present.
std::vector<TokenFeed> present(const TokenRecord& record);

// Those that a program has a sequence for.
std::vector<TokenFeed> opened_in(const Program& program, std::vector<TokenFeed> feeds);

std::string to_json(const TokenRecord& record);
std::string to_json(const std::vector<TokenFeed>& feeds);
// Both throw SystemError where the text is none.
TokenRecord parse_token_record(const std::string& text);
std::vector<TokenFeed> parse_token_feeds(const std::string& text);

// Where there are tokens and no record of them: with more losses than there can have been.
TokenRecord forgotten(UnixTime now);

// This machine's, for the record; empty where it has no id.
std::string token_machine();

bool has_token_record();
// The file's; an empty one where there is no file, a forgotten one where it is damaged.
TokenRecord read_token_record(std::vector<std::string>& warnings);
// Throws SystemError.
void write_token_record(const TokenRecord& record);

}  // namespace knockwork
