// What one rule of another table does with a packet of which not everything is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork {

enum class Tri { no, maybe, yes };

// The first packet of a connection to this host, or through it. Without a port: a stranger's, to any port
// that no rule names. With one: that of somebody whom the rules may know.
struct Question {
  bool ipv6 = false;
  Protocol protocol = Protocol::tcp;
  std::string interface;  // "eth*": one of these; empty: one that no rule names
  std::optional<std::uint16_t> port;
  bool translated = false;  // its destination was, by another rule
  bool forwarded = false;   // to another host; whether it was translated nobody knows
};

struct RuleVerdict {
  enum class Kind { none, accept, drop, reject, jump, go_to, leave, unknown };
  Kind kind = Kind::none;
  std::string target;  // of a jump: the chain; of a reject: "icmpx admin-prohibited", "tcp reset"
  bool operator==(const RuleVerdict&) const = default;
};

struct Step {
  Tri matches = Tri::yes;
  RuleVerdict verdict;
  bool operator==(const Step&) const = default;
};

// In order: the first that matches holds. None: the packet goes on to the next rule.
std::vector<Step> steps(std::string_view rule, const Question& question);

// The numbers in its questions about ports: the ends of every range are among them.
std::vector<std::uint16_t> ports_in(std::string_view rule);

// Whether the rule changes where packets go: from then on, they may have another port.
bool may_translate(std::string_view rule);

// The interfaces that a rule names.
std::vector<std::string> interfaces_in(std::string_view rule);

}  // namespace knockwork
