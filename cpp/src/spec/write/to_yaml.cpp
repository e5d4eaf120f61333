// A Spec in its normal form: every key written out in the order of the table, so
// that two declarations that mean the same print the same.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "knockwork/spec.hpp"
#include "spec/keys.hpp"

namespace knockwork {
namespace {

template <typename Choice>
std::string_view word(spec::Scope scope, std::string_view name, Choice choice) {
  for (const spec::Key& key : spec::keys(scope)) {
    if (key.name == name) return key.choices[static_cast<std::size_t>(choice)];
  }
  throw std::logic_error("to_yaml: a key that the table does not know");
}

// JSON's strings are strings of YAML, whatever they hold.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string plain_text(const Knock& knock) { return to_string(knock); }
std::string plain_text(const Service& service) { return to_string(service); }
std::string plain_text(const PublicRule& rule);
std::string plain_text(const Network& network) { return quoted(to_string(network)); }
std::string plain_text(Protocol protocol) { return protocol == Protocol::tcp ? "tcp" : "udp"; }
std::string plain_text(PortRange range) { return to_string(range); }
std::string plain_text(std::uint64_t number) { return fmt::format("{}", number); }
std::string plain_text(const std::string& text) { return quoted(text); }

template <typename T>
std::string list(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) {
    if (text.size() > 1) text += ", ";
    text += plain_text(value);
  }
  text += ']';
  return text;
}

std::string plain_text(const PublicRule& rule) {
  if (rule.interface.empty() && rule.from.empty()) return to_string(rule);
  std::string text = "{service: " + to_string(rule);
  if (!rule.interface.empty()) text += ", interface: " + quoted(rule.interface);
  if (!rule.from.empty()) text += ", from: " + list(rule.from);
  return text + '}';
}

std::string publics(const Spec& spec) {
  if (spec.public_rules.empty()) return list(spec.public_services);
  if (spec.public_services.empty()) return list(spec.public_rules);
  const std::string services = list(spec.public_services), rules = list(spec.public_rules);
  return services.substr(0, services.size() - 1) + ", " + rules.substr(1);
}

std::string guards(const Guards& guards) {
  if (guards.kind == Guards::Kind::listed) return list(guards.ports);
  return guards.kind == Guards::Kind::none ? "none" : "auto";
}

void write_derive(const Derivation& derive, fmt::memory_buffer& out) {
  auto end = std::back_inserter(out);
  fmt::format_to(end, "    derive: {{secret_file: {}", quoted(derive.secret_file));
  if (!derive.host.empty()) fmt::format_to(end, ", host: {}", quoted(derive.host));
  fmt::format_to(end, ", length: {}, protocols: {}, ports: {}, exclude: {}", derive.length,
                 list(derive.protocols), to_string(derive.ports), list(derive.exclude));
  if (derive.epoch) {
    fmt::format_to(end, ", epoch: {}, accepts: {}", *derive.epoch, list(derive.accepts));
  } else if (!derive.by_record()) {
    fmt::format_to(end, ", period: {}", to_string(derive.period));
    if (derive.overlap > Duration{}) fmt::format_to(end, ", overlap: {}", to_string(derive.overlap));
  }
  fmt::format_to(end, "}}\n");
}

void write_sequence(const Sequence& sequence, fmt::memory_buffer& out) {
  auto end = std::back_inserter(out);
  fmt::format_to(end, "  - name: {}\n", quoted(sequence.name));
  if (!sequence.derive) fmt::format_to(end, "    knock: {}\n", list(sequence.knock));
  fmt::format_to(end, "    opens: {}\n", list(sequence.opens));
  fmt::format_to(end, "    step_timeout: {}\n", to_string(sequence.step_timeout));
  fmt::format_to(end, "    open_for: {}\n", to_string(sequence.open_for));
  if (sequence.sequence_timeout) {
    fmt::format_to(end, "    sequence_timeout: {}\n", to_string(*sequence.sequence_timeout));
  }
  fmt::format_to(end, "    from: {}\n", list(sequence.from));
  fmt::format_to(end, "    to: {}\n", list(sequence.to));
  fmt::format_to(end, "    once: {}\n", sequence.once);
  fmt::format_to(end, "    on_expiry: {}\n", word(spec::Scope::sequence, "on_expiry", sequence.on_expiry));
  if (sequence.derive) write_derive(*sequence.derive, out);
}

}  // namespace

std::string to_yaml(const Spec& spec) {
  fmt::memory_buffer out;
  auto end = std::back_inserter(out);
  const auto top = [](std::string_view name, auto choice) {
    return word(spec::Scope::declaration, name, choice);
  };
  fmt::format_to(end, "knockwork: 1\nmode: {}\n", top("mode", spec.mode));
  // Keys that would have no effect are errors, so the normal form leaves them out.
  if (spec.mode == Mode::stealth) {
    fmt::format_to(end, "public: {}\nping: {}\n", publics(spec), spec.ping);
  }
  fmt::format_to(end, "refuse: {}\n", top("refuse", spec.refuse));
  fmt::format_to(end, "always_allow: {}\n", list(spec.always_allow));
  fmt::format_to(end, "wrong_knock: {}\n", top("wrong_knock", spec.wrong_knock));
  if (spec.wrong_knock == WrongKnock::lockout && spec.lockout > Duration{}) {
    fmt::format_to(end, "lockout: {}\n", to_string(spec.lockout));
  }
  fmt::format_to(end, "guards: {}\n", guards(spec.guards));
  fmt::format_to(end, "interfaces: {}\n", list(spec.interfaces));
  fmt::format_to(end, "ipv4_prefix: {}\nipv6_prefix: {}\n", spec.ipv4_prefix, spec.ipv6_prefix);
  fmt::format_to(end, "sources: {}\n", spec.sources);
  fmt::format_to(end, "log: {}\n", top("log", spec.log));
  fmt::format_to(end, "sequences:{}\n", spec.sequences.empty() ? " []" : "");
  for (const Sequence& sequence : spec.sequences) write_sequence(sequence, out);
  return fmt::to_string(out);
}

}  // namespace knockwork
