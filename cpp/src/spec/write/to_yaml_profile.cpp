// A profile's entry, as load_profile() reads it back.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "knockwork/client.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "text/json_text.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json texts(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(to_string(value));
  return list;
}

Json words(const std::vector<Protocol>& protocols) {
  Json list = Json::array();
  for (const Protocol protocol : protocols) list.push_back(protocol == Protocol::tcp ? "tcp" : "udp");
  return list;
}

Json to_value(const Derivation& derive) {
  Json value{{"secret_file", derive.secret_file}};
  if (!derive.host.empty()) value["host"] = derive.host;
  value["length"] = derive.length;
  value["protocols"] = words(derive.protocols);
  value["ports"] = to_string(derive.ports);
  value["exclude"] = texts(derive.exclude);
  if (derive.epoch) {
    value["epoch"] = *derive.epoch;
    value["accepts"] = derive.accepts;
  } else if (!derive.by_record()) {
    value["period"] = to_string(derive.period);
    if (derive.overlap > Duration{}) value["overlap"] = to_string(derive.overlap);
  }
  return value;
}

// What the client has a use for.
Json to_value(const Sequence& sequence) {
  Json value{{"name", sequence.name}};
  if (sequence.derive) {
    value["derive"] = to_value(*sequence.derive);
  } else {
    value["knock"] = texts(sequence.knock);
  }
  value["opens"] = texts(sequence.opens);
  if (!sequence.to.empty()) value["to"] = texts(sequence.to);
  value["step_timeout"] = to_string(sequence.step_timeout);
  if (sequence.sequence_timeout) value["sequence_timeout"] = to_string(*sequence.sequence_timeout);
  value["open_for"] = to_string(sequence.open_for);
  return value;
}

Json to_value(const ProfileHost& host) {
  Json value{{"host", host.patterns.size() == 1 ? Json(host.patterns.front()) : Json(host.patterns)}};
  if (!host.address.empty()) value["address"] = host.address;
  value["lockout"] = to_string(host.lockout);
  value["sequences"] = Json::array();
  for (const Sequence& sequence : host.sequences) value["sequences"].push_back(to_value(sequence));
  return value;
}

// JSON's values are YAML's in flow style.
void write_keys(const Json& mapping, std::string_view first, std::string_view rest, std::string& out) {
  std::string_view indent = first;
  for (const auto& [key, value] : mapping.items()) {
    if (key == "sequences") {
      out += fmt::format("{}{}:{}\n", indent, key, value.empty() ? " []" : "");
      for (const Json& each : value) write_keys(each, "      - ", "        ", out);
    } else {
      out += fmt::format("{}{}: {}\n", indent, key, value.dump());
    }
    indent = rest;
  }
}

void refuse_unless(const spec::Parsed<std::string>& name) {
  if (!name) throw SystemError(fmt::format("{}: {}", name.error().message, name.error().remedy));
}

}  // namespace

ProfileHost export_host(const Spec& spec, const std::string& host, const std::string& address) {
  refuse_unless(spec::parse_pattern(host));
  if (!address.empty()) refuse_unless(spec::parse_address(address));
  ProfileHost exported{{host}, address, spec.lockout, spec.sequences};
  for (Sequence& sequence : exported.sequences) {
    if (sequence.derive && sequence.derive->host.empty()) sequence.derive->host = own_host_name();
  }
  return exported;
}

std::string to_yaml(const ProfileHost& host) {
  std::string text = "knockwork: 1\nhosts:\n";
  write_keys(to_value(host), "  - ", "    ", text);
  return text;
}

std::string to_json(const ProfileHost& host) {
  return json_text(Json{{"knockwork", 1}, {"hosts", Json::array({to_value(host)})}});
}

}  // namespace knockwork
