// The table of keys in the words of those who document or check options elsewhere.
#include <nlohmann/json.hpp>

#include "knockwork/spec.hpp"
#include "spec/write/key_json.hpp"

namespace knockwork {
namespace spec {
namespace {

// Type and elements as Ansible's argument specs name them.
struct AnsibleType {
  const char* type;
  const char* elements;
};

AnsibleType ansible_type(Form form) {
  switch (form) {
    case Form::version:
    case Form::integer:
      return {"int", nullptr};
    case Form::choice:
    case Form::duration:
    case Form::name:
    case Form::host:
    case Form::range:
    case Form::service:
    case Form::interface:
      return {"str", nullptr};
    case Form::boolean:
      return {"bool", nullptr};
    case Form::path:
      return {"path", nullptr};
    case Form::knocks:
      return {"list", "raw"};  // a number is told from a text: the one may have been read as octal
    case Form::services:
    case Form::networks:
    case Form::interfaces:
    case Form::protocols:
    case Form::ranges:
      return {"list", "str"};
    case Form::publics:
      return {"list", "raw"};  // a word or a mapping
    case Form::epochs:
      return {"list", "int"};
    case Form::guards:
      return {"raw", nullptr};  // a word or a list
    case Form::sequences:
      return {"list", "dict"};
    case Form::derivation:
      return {"dict", nullptr};
    case Form::address:
    case Form::patterns:
    case Form::hosts:
      break;  // of profiles
  }
  return {"raw", nullptr};
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
    const auto [type, elements] = spec::ansible_type(key.form);
    spec::Json& entry = table.emplace_back();
    entry["name"] = key.name;
    entry["scope"] = spec::to_string(key.scope);
    entry["type"] = type;
    entry["elements"] = elements ? spec::Json(elements) : spec::Json(nullptr);
    entry["choices"] = key.form == spec::Form::choice ? spec::Json(key.choices) : spec::Json(nullptr);
    entry["default"] = spec::fallback_json(key);
    if (key.form == spec::Form::integer) entry["minimum"] = key.least, entry["maximum"] = key.most;
    entry["doc"] = key.doc;
    entry["example"] = key.example;
    entry["secret"] = key.secret;
    entry["required"] = key.required && key.unless.empty();
  }
  return table.dump(2) + '\n';
}

}  // namespace knockwork
