#include "ruleset/objects.hpp"

#include <algorithm>
#include <array>

namespace knockwork {
namespace {

// The chains that follow from settings alone, whatever the sequences are.
constexpr std::array kSettingsChains{
    "answered", "closed",  "disguised", "door",    "elsewhere",   "fire",      "follow",
    "forward",  "gate",    "guard",     "input",   "judge",       "knock",     "knocked",
    "known",    "lockout", "muted",     "odd",     "output",      "overheard", "protected",
    "refusals", "refuse",  "rejected",  "segment", "turned_away", "wrong"};
// The maps and chains that follow from sequences, by name or by prefix.
constexpr std::array kSequenceObjects{
    "steps_", "openers",   "advance",  "timed",      "begun",   "next",     "from",  "dispatch",
    "ranges", "within_",   "open_",    "range_",     "places",  "reached",  "to_",   "cut",
    "once_",  "spent",     "spender",  "spending",   "watched", "services", "door",  "segment",
    "excuse", "elsewhere", "forward",  "speak",      "connect", "spoke",    "token", "claimed",
    "used",   "good",      "logged",   "underway",   "output",  "known",    "sever", "readmitted",
    "renew",  "lasting",   "prolong_", "close_",     "counted", "on_",      "but_",  "port_",
    "take_",  "last_",     "let_in",   "connecting", "begins",  "flows",    "home"};

bool is_settings_chain(std::string_view name) {
  return std::find(kSettingsChains.begin(), kSettingsChains.end(), name) != kSettingsChains.end();
}

bool is_port_map(std::string_view name) {
  return name == "dispatch" || name == "ranges" || name.starts_with("door") || name.starts_with("watched");
}

// By a comparison, a set, or a map of places or ranges.
bool looks_for_ports(const std::string& rule) {
  const auto has = [&](std::string_view words) { return rule.find(words) != std::string::npos; };
  return rule.starts_with("th dport ") || has("th dport != @services") || has("th dport vmap @places") ||
         has("tcp dport @elsewhere") || rule.ends_with("th dport vmap @ranges") ||
         rule.ends_with("th dport vmap @door_ranges");
}

bool is_sequence_object(std::string_view name) {
  return std::any_of(kSequenceObjects.begin(), kSequenceObjects.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

bool follows_from(std::string_view name, Cause cause) {
  switch (cause) {
    case Cause::always_allow:
      return name.starts_with("always_allow") || is_settings_chain(name);
    case Cause::ports:
      return is_port_map(name);
    case Cause::settings:
      return name == "interfaces" || name == "left_out" || name.starts_with("strays") ||
             is_settings_chain(name);
    case Cause::sources:  // the size of the sets that packets fill
      return false;       // which a set says itself: Set::is_dynamic
    case Cause::sequences:
      return is_sequence_object(name) || name == "knock" || name == "judge" || name == "muted" ||
             name.starts_with("fire") || name.starts_with("follow");
  }
  return false;
}

bool differ_in_ports(std::string_view chain, std::vector<std::string> one, std::vector<std::string> other) {
  if (chain != "gate" && chain != "input") return false;
  for (std::vector<std::string>* rules : {&one, &other}) std::erase_if(*rules, looks_for_ports);
  return one == other;
}

bool remembers_tokens(std::string_view chain) { return chain == "token_use"; }

std::string_view left_in(std::string_view set) {
  return set == "spent" ? "spent uses" : set == "counted" ? "counted grants" : "half-finished sequences";
}

}  // namespace knockwork
