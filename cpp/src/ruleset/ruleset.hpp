// The table `inet knockwork` as a value: what nftables would list.
//
// Rules and elements are text in the form in which `nft -p list table` (1.0.6)
// prints them, so that a listing compares with what was compiled by ==.
// The names below are documented in docs/table.md and stable.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "program/program.hpp"

namespace knockwork {

// The table's comment says whose it is and in which format.
inline constexpr std::string_view kTableComment = "knockwork 1";

struct Element {
  std::string key;      // "17 . 7000"
  std::string value;    // "0x0000002a" or "goto knock"; empty in a set
  std::string comment;  // the sequence's name at its last edge; else empty
  auto operator<=>(const Element&) const = default;
};

// As the elements of a set are: each is moved but once, which three strings are slow at.
void sort(std::vector<Element>& elements);

// Attributes that the declaration never changes are `shape`: a set whose shape
// differs has to be made anew, while its size can be altered where it stands.
struct Set {
  std::string name;
  std::string type;  // "mark : verdict" makes it a map; "typeof @th,64,128": as expressions have it
  std::vector<std::string> flags;  // sorted
  std::vector<std::string> extra;  // further attributes: a limit of ours, and what we never write: comment, …
  std::uint32_t size = 0;          // 0: unlimited
  std::vector<Element> elements;  // sorted; a dynamic set has none: packets fill it

  bool is_map() const { return type.find(" : ") != std::string::npos; }
  bool is_dynamic() const;
  bool keeps_for_good() const;  // packets fill it, and nothing in it expires
  bool is_fed() const;          // with tokens, from time to time: no part of a declaration
  bool same_shape(const Set& other) const;
  bool operator==(const Set&) const = default;
};

struct Chain {
  std::string name;
  std::string hook;                // "type filter hook prerouting priority mangle; policy accept;" or empty
  std::vector<std::string> extra;  // attributes that we never write: comment
  std::vector<std::string> rules;
  bool operator==(const Chain&) const = default;
};

struct Ruleset {
  std::vector<Set> sets;      // sorted by name
  std::vector<Chain> chains;  // sorted by name
  bool operator==(const Ruleset&) const = default;

  const Set* set(std::string_view name) const;
  const Chain* chain(std::string_view name) const;
};

// One element that packets made, with its clock; both 0 where it never expires.
struct LiveElement {
  std::string key;
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds expires{0};
  std::optional<std::uint64_t> count = std::nullopt;  // of packets, where it counts them
  bool operator==(const LiveElement&) const = default;
};

// Dynamic set → what packets put into it.
using LiveSets = std::map<std::string, std::vector<LiveElement>, std::less<>>;

// Objects of a kind that we never make: counters, quotas, flowtables.
struct Stranger {
  std::string kind;  // "counter", "ct helper", …
  std::string name;
  bool operator==(const Stranger&) const = default;
};

// The table as the kernel has it.
struct LiveTable {
  bool ours = false;               // by its comment
  std::string comment;             // of the table
  std::vector<std::string> extra;  // table attributes that we never write: "flags dormant"
  Ruleset ruleset;
  // An element that a hand put there without a timeout stands in the set's `elements` instead:
  // packets make none.
  LiveSets live;
  std::vector<Stranger> strangers;
  bool operator==(const LiveTable&) const = default;
};

// Pure.
Ruleset compile(const Program& program);

// What this version of nftables lists, or a hand has put there, that is in no known spelling. The reason
// holds no ports.
class UnknownListing : public SystemError {
 public:
  explicit UnknownListing(const std::string& reason);
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

// Reads the text of `nft -p list table inet knockwork`.
// Throws UnknownListing where the text is not such a listing.
LiveTable parse_listing(std::string_view listing);

// Whether an element that packets do not make stands in a set twice. A hash table that grows while the kernel
// is asked for it piece by piece changes its order in between: some elements come twice, and as many do not
// come at all. What packets make may do so without end.
bool has_twice(const LiveTable& table);

// The sequences that a ruleset holds, from its edges alone (mode, guards and
// addresses stay out). Edges that lead nowhere are left out: they are drift.
std::vector<Track> decompile(const Ruleset& ruleset);

// How much of an IPv6 address its rules take for a source; nullopt where they do not say.
std::optional<int> ipv6_prefix(const Ruleset& ruleset);
std::optional<int> ipv4_prefix(const Ruleset& ruleset);

// What `public` of stealth lets in by more than a port, one source each: as much as a rule says of its
// interface, its source and, unless it is a protocol without ports, its service.
std::vector<PublicRule> public_rules(const Ruleset& ruleset);

// What else its declaration lets in without a knock: rules of stealth for entries of `public` that are more
// than ports, and `ping`.
struct PublicEntries {
  std::vector<std::string> rules;
  bool ping = false;
};
PublicEntries public_entries(const Ruleset& ruleset);

// Its `log`: "none", "grants" or "all".
std::string declared_log(const Ruleset& ruleset);

// The table as a file for `nft -f`.
std::string to_nft(const Ruleset& ruleset);

// "type mark", or "typeof @th,64,128"
std::string type_clause(const Set& set);

// One `key : value comment "…"` as nftables writes it.
std::string to_nft(const Element& element);

// "1m30s", as nftables prints it: units from days to milliseconds, zeros left out.
std::string nft_time(std::chrono::milliseconds time);
std::string nft_time(Duration duration);
std::optional<std::chrono::milliseconds> parse_nft_time(std::string_view text);

// "0x0000002a"
std::string nft_mark(std::uint32_t mark);
std::optional<std::uint32_t> parse_nft_mark(std::string_view text);

// An edge as its sets have it: "4184:accc", two halves in hexadecimal, as the traffic
// control handles of tc(8) are written.
std::string edge_key(EdgeId edge);
// Pure. nullopt for what is none.
std::optional<EdgeId> parse_edge_key(std::string_view text);

// Whether its declaration says `mode: stealth`.
bool is_stealth(const Ruleset& ruleset);

}  // namespace knockwork
