// A Spec in its normal form: every key written out in the order of the table, so
// that two declarations that mean the same print the same.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "knockwork/fields.hpp"

namespace knockwork {
namespace {

// JSON's strings are strings of YAML, whatever they hold.
std::string in_quotes(std::string_view text) { return nlohmann::json(text).dump(); }

template <typename Part>
std::string flow(const Part& part);

// In flow style, without a line feed.
struct Plain {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::uint64_t number) const { return fmt::format("{}", number); }
  std::string operator()(std::string_view text) const { return in_quotes(text); }
  std::string operator()(const std::string& text) const { return in_quotes(text); }
  std::string operator()(ChosenWord word) const { return std::string(word.text); }
  std::string operator()(Duration duration) const { return to_string(duration); }
  std::string operator()(PortRange range) const { return to_string(range); }
  std::string operator()(const Knock& knock) const { return to_string(knock); }
  std::string operator()(const Service& service) const { return to_string(service); }
  std::string operator()(const Network& network) const { return in_quotes(to_string(network)); }
  std::string operator()(Protocol protocol) const { return protocol == Protocol::tcp ? "tcp" : "udp"; }
  std::string operator()(const PublicRule* service) const { return to_string(*service); }
  std::string operator()(const PublicRule& rule) const {
    return rule.interface.empty() && rule.from.empty() ? to_string(rule) : flow(rule);
  }
  std::string operator()(const Derivation* derivation) const { return flow(*derivation); }
  std::string operator()(const Token* token) const { return flow(*token); }
  std::string operator()(const Sequence& sequence) const { return flow(sequence); }

  std::string operator()(const Guards* guards) const {
    if (guards->kind == Guards::Kind::listed) return (*this)(&guards->ports);
    return guards->kind == Guards::Kind::none ? "none" : "auto";
  }

  std::string operator()(Publics publics) const {
    const std::string services = listed(*publics.services), rules = listed(*publics.rules);
    return fmt::format("[{}{}{}]", services, services.empty() || rules.empty() ? "" : ", ", rules);
  }

  template <typename T>
  std::string operator()(const std::vector<T>* values) const {
    return '[' + listed(*values) + ']';
  }

 private:
  template <typename T>
  std::string listed(const std::vector<T>& values) const {
    std::string text;
    for (const T& value : values) text += (text.empty() ? "" : ", ") + (*this)(value);
    return text;
  }
};

bool is_written(const Field& field) {
  return field.effective && !std::holds_alternative<std::monostate>(field.value);
}

template <typename Part>
std::string flow(const Part& part) {
  std::string text;
  for (const Field& field : fields(part)) {
    if (!is_written(field)) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", field.name, std::visit(Plain(), field.value));
  }
  return '{' + text + '}';
}

// A key to a line; sequences, each a key to a line as well.
template <typename Part>
void write_lines(const Part& part, std::string_view first, std::string_view rest, std::string& out) {
  std::string_view indent = first;
  for (const Field& field : fields(part)) {
    if (!is_written(field)) continue;
    const auto* sequences = std::get_if<const std::vector<Sequence>*>(&field.value);
    if (sequences == nullptr || (*sequences)->empty()) {
      out += fmt::format("{}{}: {}\n", indent, field.name, std::visit(Plain(), field.value));
    } else {
      out += fmt::format("{}{}:\n", indent, field.name);
      for (const Sequence& sequence : **sequences) write_lines(sequence, "  - ", "    ", out);
    }
    indent = rest;
  }
}

}  // namespace

std::string to_yaml(const Spec& spec) {
  std::string out;
  write_lines(spec, "", "", out);
  return out;
}

}  // namespace knockwork
