// The table of keys in the words of those who document or check options elsewhere.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "knockwork/spec.hpp"
#include "spec/write/key_json.hpp"

namespace knockwork {
namespace spec {
namespace {

// A key's values in others' words: type and elements as Ansible's argument specs name them, the type of
// Python's property, and what of it is counted instead of shown.
struct Elsewhere {
  const char* type;
  const char* elements;
  const char* python;
  const char* counted = nullptr;
};

Elsewhere elsewhere(Form form) {
  switch (form) {
    case Form::version:
    case Form::integer:
      return {"int", nullptr, "int"};
    case Form::choice:
    case Form::name:
    case Form::host:
    case Form::interface:
      return {"str", nullptr, "str"};
    case Form::duration:
      return {"str", nullptr, "timedelta"};
    case Form::range:
      return {"str", nullptr, "tuple[int, int]", "port"};
    case Form::service:
      return {"str", nullptr, "PublicRule", "service"};
    case Form::boolean:
      return {"bool", nullptr, "bool"};
    case Form::path:
      return {"path", nullptr, "str"};
    case Form::knock:
      return {"raw", nullptr, "Knock", "port"};
    case Form::knocks:
      return {"list", "raw", "tuple[Knock, ...]", "knock"};  // a number is told from a text: it may be octal
    case Form::services:
      return {"list", "str", "tuple[Service, ...]", "service"};
    case Form::networks:
      return {"list", "str", "tuple[_Network, ...]"};
    case Form::interfaces:
      return {"list", "str", "tuple[str, ...]"};
    case Form::protocols:
      return {"list", "str", "tuple[_Protocol, ...]"};
    case Form::ranges:
      return {"list", "str", "tuple[tuple[int, int], ...]", "port"};
    case Form::publics:
      return {"list", "raw", "tuple[Service, ...]", "service"};  // a word or a mapping
    case Form::epochs:
      return {"list", "int", "tuple[int, ...]"};
    case Form::guards:
      return {"raw", nullptr, R"(Union[Literal["auto", "none"], tuple[Knock, ...]])", "port"};
    case Form::sequences:
      return {"list", "dict", "tuple[Sequence, ...]"};
    case Form::derivation:
      return {"dict", nullptr, "Derivation"};
    case Form::token:
      return {"dict", nullptr, "Token"};
    case Form::sequence_key:
      return {"str", nullptr, "str"};
    case Form::address:
    case Form::patterns:
    case Form::hosts:
      break;  // of profiles
  }
  return {"raw", nullptr, "object"};
}

std::string python_type(const Key& key) {
  std::string type = elsewhere(key.form).python;
  if (key.form == Form::choice) type = fmt::format("Literal[\"{}\"]", fmt::join(key.choices, "\", \""));
  return may_be_nothing(key) ? fmt::format("Optional[{}]", type) : type;
}

}  // namespace

Json fallback_json(const Key& key) {
  if (key.fallback.empty()) return nullptr;
  switch (key.form) {
    case Form::integer:
    case Form::boolean:
      return Json::parse(key.fallback);
    case Form::choice:
    case Form::duration:
    case Form::guards:
    case Form::range:
      return std::string(key.fallback);
    case Form::protocols:
      return Json::array({"udp"});
    default:
      return Json::array();  // the only default that other lists have
  }
}

}  // namespace spec

std::string keys_json() {
  spec::Json table = spec::Json::array();
  for (const spec::Key& key : spec::all_keys()) {
    const spec::Elsewhere words = spec::elsewhere(key.form);
    spec::Json& entry = table.emplace_back();
    entry["name"] = key.name;
    entry["scope"] = spec::to_string(key.scope);
    entry["type"] = words.type;
    entry["elements"] = words.elements ? spec::Json(words.elements) : spec::Json(nullptr);
    entry["choices"] = key.form == spec::Form::choice ? spec::Json(key.choices) : spec::Json(nullptr);
    entry["default"] = spec::fallback_json(key);
    if (key.form == spec::Form::integer) entry["minimum"] = key.least, entry["maximum"] = key.most;
    entry["doc"] = key.doc;
    entry["example"] = key.example;
    entry["secret"] = key.secret;
    entry["hidden"] = key.secret || spec::holds_ports(key.form);
    entry["counted"] = words.counted ? spec::Json(words.counted) : spec::Json(nullptr);
    entry["python"] = spec::python_type(key);
    entry["required"] = key.required && key.unless.front().empty();
  }
  return table.dump(2) + '\n';
}

}  // namespace knockwork
