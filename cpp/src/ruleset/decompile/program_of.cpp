#include "ruleset/decompile/program_of.hpp"

#include "ruleset/decompile/live_doors.hpp"

namespace knockwork {
namespace {

std::vector<std::string> names_in(const Ruleset& ruleset, std::string_view name) {
  std::vector<std::string> names;
  const Set* set = ruleset.set(name);
  if (set == nullptr) return names;
  for (const Element& each : set->elements)
    names.push_back(each.key.substr(1, each.key.size() - 2));  // quotes
  return names;
}

}  // namespace

Program program_of(const Ruleset& ruleset) {
  Program program;
  program.mode = is_stealth(ruleset) ? Mode::stealth : Mode::gate;
  program.tracks = decompile(ruleset);
  program.ipv4_prefix = ipv4_prefix(ruleset).value_or(32);
  program.ipv6_prefix = ipv6_prefix(ruleset).value_or(128);
  if (const Set* granted = ruleset.set("granted4")) program.sources = granted->size;
  program.interfaces = names_in(ruleset, "interfaces");
  program.left_out = names_in(ruleset, "left_out");
  for (const char* name : {"always_allow4", "always_allow6"}) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    for (const Element& element : set->elements) {
      if (const auto network = parse_network(element.key)) program.always_allow.push_back(*network);
    }
  }
  for (const char* name : {"dispatch", "ranges"}) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    for (const Element& element : set->elements) {
      if (element.value != "accept") continue;
      if (const auto span = parse_ports(element.key)) program.public_services.push_back(*span);
    }
  }
  program.public_rules = public_rules(ruleset);
  const Chain* refuse = ruleset.chain("refuse");
  program.reject = refuse != nullptr && refuse->rules != std::vector<std::string>{"drop"};
  return program;
}

}  // namespace knockwork
