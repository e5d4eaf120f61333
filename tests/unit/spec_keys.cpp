// The table of keys is complete, and everything made from it agrees with it.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "catch.hpp"
#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"
#include "spec/keys.hpp"

using namespace knockwork;
using namespace knockwork::spec;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

nlohmann::json properties(Scope scope) {
  const auto schema = nlohmann::json::parse(json_schema());
  const auto& top = schema.at("properties");
  if (scope == Scope::declaration) return top;
  if (scope == Scope::public_entry) return top.at("public").at("items").at("anyOf").at(1).at("properties");
  const auto& sequence = top.at("sequences").at("items").at("properties");
  return scope == Scope::sequence ? sequence : sequence.at(std::string(to_string(scope))).at("properties");
}

// A declaration in which the key has the value, and everything else is right.
std::string declaration_with(const Key& key, std::string_view value) {
  const std::string line = std::string(key.name) + ": " + std::string(value) + "\n";
  const std::string knock =
      key.name == "knock" || key.name == "derive" || key.name == "token" ? "" : "    knock: [7000]\n";
  const std::string name = key.name == "name" ? "" : "    name: x\n",
                    opens = key.name == "opens" || key.name == "closes" ? "" : "    opens: [22/tcp]\n";
  const std::string before =
      key.name == "public" || key.name == "ping" ? "knockwork: 1\nmode: stealth\n" : "knockwork: 1\n";
  switch (key.scope) {
    case Scope::declaration:
      return (key.name == "knockwork" ? "" : before) + line;
    case Scope::public_entry:
      return "knockwork: 1\nmode: stealth\npublic:\n  -\n" +
             (key.name == "service" ? "" : std::string("    service: 67/udp\n")) + "    " + line;
    case Scope::sequence:
      return "knockwork: 1\nsequences:\n  -\n" + name + knock + opens + "    " + line +
             (key.name == "closes" ? "  - {name: ssh, knock: [7001], opens: [22/tcp]}\n" : "");
    case Scope::token:
      return "knockwork: 1\nsequences:\n  - name: x\n    opens: [22/tcp]\n    token:\n      " + line +
             (key.name == "port" ? "" : "      port: 41873\n") +
             (key.name == "key" || key.name == "secret_file" ? "" : "      secret_file: /s\n");
    case Scope::derive:
    case Scope::profile:  // these two stand in no declaration
    case Scope::host:
      break;
  }
  std::string derive = line;
  const bool by_hand = key.name == "epoch" || key.name == "accepts";
  const std::pair<std::string_view, std::string_view> others[] = {
      {"secret_file", "/s"}, {"length", "5"}, by_hand ? std::pair{"epoch", "41"} : std::pair{"period", "2d"}};
  for (const auto& [name_of, value_of] : others) {
    if (name_of != key.name) derive += fmt::format("      {}: {}\n", name_of, value_of);
  }
  return "knockwork: 1\nsequences:\n  - name: x\n    opens: [22/tcp]\n    derive:\n      " + derive;
}

std::vector<std::string> messages(const std::string& text) {
  std::vector<std::string> all;
  try {
    load({{Source::Kind::declaration, "knockwork.yml", text}});
  } catch (const InvalidDeclaration& error) {
    for (const Diagnostic& diagnostic : error.diagnostics()) all.push_back(diagnostic.message);
  }
  return all;
}

void current(const std::filesystem::path& path, const std::string& text) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  INFO(path.filename().string());
  CHECK(read(path) == text);
}

}  // namespace

TEST_CASE("keys: each is documented, exemplified and found in schema, reference and JSON") {
  const std::string reference = reference_page();
  const auto json = nlohmann::json::parse(keys_json());
  REQUIRE(json.size() == all_keys().size());
  std::size_t at = 0;
  for (const Key& key : all_keys()) {
    INFO(key.name);
    CHECK(key.doc.ends_with('.'));
    CHECK_FALSE(key.example.empty());
    CHECK(reference.find(fmt::format("### `{}`", key.name)) != std::string::npos);
    CHECK(properties(key.scope).contains(std::string(key.name)));
    const auto& entry = json[at++];
    CHECK(entry.at("name") == key.name);
    CHECK(entry.at("scope") == to_string(key.scope));
    CHECK(entry.at("secret") == key.secret);
    CHECK(entry.at("required") == (key.required && key.unless.front().empty()));
  }
}

TEST_CASE("keys: no name stands twice in a mapping, and none of the schema is not in the table") {
  for (Scope scope :
       {Scope::declaration, Scope::public_entry, Scope::sequence, Scope::derive, Scope::token}) {
    std::set<std::string_view> names;
    for (const Key& key : keys(scope)) CHECK(names.insert(key.name).second);
    CHECK(properties(scope).size() == names.size());
  }
}

TEST_CASE("keys: each example is accepted") {
  for (const Key& key : all_keys()) {
    INFO(key.name);
    CHECK(messages(declaration_with(key, key.example)).empty());
  }
}

TEST_CASE("keys: each is written out again, under its name, and reads back to the same") {
  for (const Key& key : all_keys()) {
    INFO(key.name);
    const Spec spec = load({{Source::Kind::declaration, "t", declaration_with(key, key.example)}});
    const std::string normal = to_yaml(spec);
    INFO(normal);
    CHECK(load({{Source::Kind::declaration, "t", normal}}) == spec);
    // Without a condition the service is the whole entry.
    CHECK((key.name == "service" ||
           std::regex_search(normal, std::regex(fmt::format("(^|[ {{\n]){}:", key.name)))));
  }
}

TEST_CASE("keys: each is a field of what its mapping is read into, hidden where it holds ports or a secret") {
  const auto are_fields_of = [](Scope scope, const std::vector<Field>& fields) {
    REQUIRE(fields.size() == keys(scope).size());
    for (std::size_t at = 0; at < fields.size(); ++at) {
      INFO(fields[at].name);
      CHECK(fields[at].name == keys(scope)[at].name);
    }
  };
  are_fields_of(Scope::declaration, fields(Spec{}));
  are_fields_of(Scope::sequence, fields(Sequence{}));
  are_fields_of(Scope::derive, fields(Derivation{}));
  are_fields_of(Scope::public_entry, fields(PublicRule{}));
  are_fields_of(Scope::token, fields(Token{}));
  for (const Key& key : all_keys()) {
    INFO(key.name);
    if (key.secret || key.example.find("7000") != std::string_view::npos)
      CHECK((holds_ports(key.form) || key.secret || key.form == Form::sequences));
  }
}

TEST_CASE("keys: what a client needs of a sequence is in its profile, and only that") {
  const auto has = [](const std::string& text, const Key& key) {
    return std::regex_search(text, std::regex(fmt::format("[ \"{{]{}\"?:", key.name)));
  };
  for (const Key& key : keys(Scope::sequence)) {
    INFO(key.name);
    const Spec spec = load({{Source::Kind::declaration, "t", declaration_with(key, key.example)}});
    CHECK(has(to_yaml(export_host(spec, "web1", "")), key) == key.client);
    CHECK(has(to_json(export_host(spec, "web1", "")), key) == key.client);
  }
}

TEST_CASE("keys: each default may be written out and changes nothing") {
  for (const Key& key : all_keys()) {
    if (key.fallback.empty()) continue;
    INFO(key.name);
    CHECK(messages(declaration_with(key, key.fallback)).empty());
  }
}

TEST_CASE("keys: each refuses a value of another kind, and none at all") {
  for (const Key& key : all_keys()) {
    INFO(key.name);
    CHECK_FALSE(messages(declaration_with(key, "{x: [y]}")).empty());
    CHECK(messages(declaration_with(key, "~")) ==
          std::vector<std::string>{fmt::format("`{}` has no value", key.name)});
    CHECK_FALSE(messages(declaration_with(key, key.form == Form::name ? "'; \"'" : "\"\\0\"")).empty());
  }
}

TEST_CASE("keys: the generated documents in docs/ are current") {
  const std::filesystem::path docs = KNOCKWORK_DOCS;
  current(docs / "reference.md", reference_page());
  current(docs / "knockwork.schema.json", json_schema());
}
