// A profile's entry, as load_profile() reads it back.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "knockwork/client.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/fields.hpp"
#include "spec/keys.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using Json = nlohmann::ordered_json;

// What the client has a use for; an empty list says nothing.
template <typename Part>
Json to_value(const Part& part, bool (*is_wanted)(const Field&));

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(bool value) const { return value; }
  Json operator()(std::uint64_t number) const { return number; }
  Json operator()(std::string_view text) const { return text; }
  Json operator()(const std::string& text) const { return text; }
  Json operator()(ChosenWord word) const { return word.text; }
  Json operator()(Protocol protocol) const { return protocol == Protocol::tcp ? "tcp" : "udp"; }
  Json operator()(const Derivation* derivation) const {
    return to_value(*derivation, [](const Field&) { return true; });
  }
  Json operator()(const Token* token) const {
    Json value = to_value(*token, [](const Field& field) { return field.client; });
    if (!token->key.empty()) value.erase("serial");  // it made the key
    return value;
  }
  template <typename T>
  Json operator()(const std::vector<T>* values) const {
    Json list = Json::array();
    for (const T& value : *values) list.push_back((*this)(value));
    return list;
  }
  Json operator()(const Sequence&) const { return nullptr; }  // the rest is of no sequence
  Json operator()(const Guards*) const { return nullptr; }
  Json operator()(const PublicRule*) const { return nullptr; }
  Json operator()(Publics) const { return nullptr; }
  template <typename T>
  Json operator()(const T& value) const {
    return to_string(value);
  }
};

template <typename Part>
Json to_value(const Part& part, bool (*is_wanted)(const Field&)) {
  Json value;
  for (const Field& field : fields(part)) {
    if (!is_wanted(field) || !field.effective) continue;
    Json said = std::visit(ToJson(), field.value);
    if (!said.is_null() && said != Json::array()) value[std::string(field.name)] = std::move(said);
  }
  return value;
}

Json to_value(const ProfileHost& host) {
  Json value{{"host", host.patterns.size() == 1 ? Json(host.patterns.front()) : Json(host.patterns)}};
  if (!host.address.empty()) value["address"] = host.address;
  value["lockout"] = to_string(host.lockout);
  value["sequences"] = Json::array();
  for (const Sequence& sequence : host.sequences)
    value["sequences"].push_back(to_value(sequence, [](const Field& field) { return field.client; }));
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
    if (sequence.token && sequence.token->key.empty() && sequence.token->host.empty())
      sequence.token->host = own_host_name();
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

schema::Json profile_schema() {
  constexpr auto kSometimes = schema::Key::Is::sometimes;
  enum class Which { all, of_clients };
  const auto keys_of = [](spec::Scope scope, Which which) {
    schema::Json keys{{"type", "object"}, {"additionalProperties", false}};
    for (const spec::Key& key : spec::all_keys()) {
      if (key.scope == scope && (which == Which::all || key.client))
        keys["properties"][std::string(key.name)] = {{"description", key.doc}};
    }
    return keys;
  };
  schema::Json sequence = keys_of(spec::Scope::sequence, Which::of_clients);
  sequence["properties"]["derive"] = keys_of(spec::Scope::derive, Which::all);
  sequence["properties"]["token"] = keys_of(spec::Scope::token, Which::of_clients);
  const schema::Json host = schema::object(
      "",
      {{"host",
        {{"description", "The host, or a list of patterns for its name."}, {"type", {"string", "array"}}}},
       {"address", schema::text("The address to knock on, if it is not the host's name."), kSometimes},
       {"lockout", schema::text("How long a wrong knock locks out, as in 5s.")},
       {"sequences", schema::list("The sequences, with the keys that a client needs.", sequence)}});
  return schema::object("A profile for clients of this host.",
                        {{"knockwork", schema::integer("The version of this format: 1.")},
                         {"hosts", schema::list("The host.", host)}});
}

}  // namespace knockwork
