// Readers of the top level's own keys.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "spec/readers.hpp"
#include "text/utf8.hpp"

namespace knockwork::spec {

void read_version(const Key& key, const Value& value, Target&, Faults& faults) {
  const auto text = read_text(key, value, faults);
  if (!text || *text == "1") return;
  faults.at(value, {fmt::format("format version {} is not supported", quote(*text)),
                    "write `knockwork: 1`, or install a version of knockwork that supports it"});
}

namespace {

std::optional<PublicRule> read_public_entry(const Key& key, const Value& entry, Faults& faults) {
  if (entry.kind() != NodeKind::map) return read_entry(key, entry, parse_public, faults);
  PublicRule rule;
  Target target;
  target.rule = &rule;
  const std::size_t before = faults.count();
  read_map(Scope::public_entry, entry, target, faults);
  if (faults.count() > before) return std::nullopt;  // without its condition it would be open to all
  return rule;
}

}  // namespace

void read_public(const Key& key, const Value& value, Target& target, Faults& faults) {
  Draft& draft = *target.draft;
  draft.public_list = value;
  if (!is_list(key, value, faults)) return;
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    const auto rule = read_public_entry(key, entry, faults);
    if (!rule) continue;
    if (rule->service && rule->interface.empty() && rule->from.empty()) {
      draft.value.public_services.push_back(*rule->service);
      draft.public_services.push_back(entry);
    } else {
      draft.value.public_rules.push_back(*rule);
      draft.public_rules.push_back(entry);
    }
  }
}

void read_public_service(const Key& key, const Value& value, Target& target, Faults& faults) {
  const auto rule = read_entry(key, value, parse_public, faults);
  if (!rule) return;
  target.rule->service = rule->service;
  target.rule->protocol = rule->protocol;
  target.rule->icmp_type = rule->icmp_type;
}

void read_public_sources(const Key& key, const Value& value, Target& target, Faults& faults) {
  read_network_list(key, value, target.rule->from, faults);
  std::sort(target.rule->from.begin(), target.rule->from.end());
}

void read_ping(const Key& key, const Value& value, Target& target, Faults& faults) {
  target.draft->ping = value;
  read_scalar<&Spec::ping, parse_boolean>(key, value, target, faults);
}

void read_lockout(const Key& key, const Value& value, Target& target, Faults& faults) {
  target.draft->lockout = value;
  if (const auto duration = read_entry(key, value, parse_duration, faults))
    target.draft->value.lockout = *duration;
}

void read_guards(const Key& key, const Value& value, Target& target, Faults& faults) {
  Draft& draft = *target.draft;
  draft.guards = value;
  if (value.kind() == NodeKind::scalar) {
    const auto found = std::find(key.choices.begin(), key.choices.end(), value.text());
    if (found == key.choices.end()) {
      faults.at(value, {"`guards` takes `auto`, `none` or a list of ports",
                        fmt::format("put ports in brackets, as in `guards: {}`", key.example)});
    } else {
      draft.value.guards.kind = found == key.choices.begin() ? Guards::Kind::automatic : Guards::Kind::none;
    }
    return;
  }
  if (!is_list(key, value, faults)) return;
  draft.value.guards.kind = Guards::Kind::listed;
  if (value.empty()) faults.at(value, {"an empty list of guards", "write `guards: none`"});
  std::set<Knock> seen;
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    if (is_octal(entry, faults)) continue;
    const auto ports = read_entry(key, entry, parse_guard, faults);
    if (!ports) continue;
    const bool repeated =
        std::any_of(ports->begin(), ports->end(), [&](Knock port) { return seen.contains(port); });
    if (repeated) {
      faults.at(entry, {"a guard that is listed twice", "remove one; a port alone means tcp and udp"});
      continue;
    }
    for (Knock port : *ports) {
      seen.insert(port);
      draft.value.guards.ports.push_back(port);
      draft.guard_ports.push_back(entry);
    }
  }
}

void read_interfaces(const Key& key, const Value& value, Target& target, Faults& faults) {
  const bool of_sequence = key.scope == Scope::sequence;
  if (!of_sequence) target.draft->interfaces = value;
  if (!is_list(key, value, faults)) return;
  auto& interfaces = of_sequence ? target.sequence->value.interfaces : target.draft->value.interfaces;
  std::set<std::string> seen;
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    auto name = read_entry(key, entry, parse_protected_interface, faults);
    if (!name) continue;
    if (!seen.empty() && left_out(*name).has_value() != left_out(*seen.begin()).has_value()) {
      faults.at(entry, of_sequence ? Fault{"interfaces to use and interfaces to leave out in one list",
                                           "list either those to use, or those to leave out, each with `!`"}
                                   : Fault{"interfaces to protect and interfaces to leave out in one list",
                                           "list either those to protect, or those to leave out, each with "
                                           "`!`: all others are protected"});
      return;
    }
    if (!seen.insert(*name).second) {
      faults.at(entry, {fmt::format("interface {} is listed twice", quote(*name)), "remove one"});
      continue;
    }
    interfaces.push_back(std::move(*name));
  }
}

void read_sequences(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (is_list(key, value, faults)) read_sequence_list(value, *target.draft, faults);
}

}  // namespace knockwork::spec
