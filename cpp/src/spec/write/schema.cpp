// The JSON Schema for editors and other checkers. It says what a value looks
// like; what can only be judged on the whole, load() alone judges.
#include "knockwork/spec.hpp"
#include "spec/write/key_json.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace spec {
namespace {

constexpr const char* kDuration =
    "^(?=[0-9])([0-9]{1,10}w)?([0-9]{1,10}d)?([0-9]{1,10}h)?([0-9]{1,10}m)?([0-9]{1,10}s)?([0-9]{1,10}ms)?$";
constexpr const char* kName = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$";
constexpr const char* kProtectedInterface =
    R"(^!?[^!/:"'`\\*?\s][^/:"'`\\*?\s]{0,14}$|^!?[^!/:"'`\\*?\s][^/:"'`\\*?\s]{0,13}\*$)";
constexpr const char* kInterface = R"(^[^/:"'`\\*?\s]{1,15}$|^[^/:"'`\\*?\s]{1,14}\*$)";
constexpr const char* kHost = R"(^[A-Za-z0-9._-]{1,254}$)";
constexpr const char* kRange = "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$";
constexpr const char* kNetwork = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$";

Json text(const std::string& pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

constexpr const char* kServiceName = "[A-Za-z][A-Za-z0-9._+-]{0,63}";

// "7000/udp", "7000:udp", "udp/7000", "udp:7000"
std::string with_protocol(const std::string& ports) {
  const std::string protocol = "([Tt][Cc][Pp]|[Uu][Dd][Pp])";
  return ports + "[/:]" + protocol + "|" + protocol + "[/:]" + ports;
}

std::string knock_pattern() {
  const std::string port = std::string("([1-9][0-9]{0,4}|") + kServiceName + ")";
  return "^(" + port + "|" + with_protocol(port) + ")$";
}

// Without the ends, for it is part of what `public` takes.
std::string services() {
  return kServiceName +
         ("|" + with_protocol("([1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?|" + std::string(kServiceName) + ")"));
}

std::string service_pattern() { return "^(" + services() + ")$"; }

std::string public_pattern() {
  return "^(" + services() +
         "|[Pp][Rr][Oo][Tt][Oo]/[0-9]{1,3}|([Ii][Cc][Mm][Pp]([Vv]?6)?|ipv6-icmp)/[A-Za-z0-9-]+)$";
}

Json port_or_knock() {
  return {{"anyOf", {{{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}}, text(knock_pattern())}}};
}

Json port_or_range() {
  return {{"anyOf", {{{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}}, text(kRange)}}};
}

Json list_of(Json items) {
  Json list;
  list["type"] = "array";
  list["items"] = std::move(items);
  return list;
}

Json one_of_words(const Key& key) { return {{"enum", key.choices}}; }

Json at_least_one(Json list) {
  list["minItems"] = 1;
  return list;
}

Json object(Scope scope);

Json form_json(const Key& key) {
  switch (key.form) {
    case Form::version:
      return {{"const", 1}};
    case Form::choice:
      return one_of_words(key);
    case Form::duration:
      return text(kDuration);
    case Form::integer:
      return {{"type", "integer"}, {"minimum", key.least}, {"maximum", key.most}};
    case Form::boolean:
      return {{"enum", {true, false, "yes", "no"}}};  // the last two: some readers make no booleans of them
    case Form::name:
      return text(kName);
    case Form::path:
      return text("^/");
    case Form::knock:
      return port_or_knock();
    case Form::knocks: {
      Json list = at_least_one(list_of(port_or_knock()));
      list["maxItems"] = kMostKnocks;
      return list;
    }
    case Form::services:
      return key.required ? at_least_one(list_of(text(service_pattern()))) : list_of(text(service_pattern()));
    case Form::service:
      return text(public_pattern());
    case Form::publics:
      return list_of({{"anyOf", {text(public_pattern()), object(Scope::public_entry)}}});
    case Form::networks:
      return list_of(text(kNetwork));
    case Form::interfaces:
      return list_of(text(kProtectedInterface));
    case Form::interface:
      return text(kInterface);
    case Form::guards:
      return {{"anyOf", {one_of_words(key), at_least_one(list_of(port_or_knock()))}}};
    case Form::sequences:
      return list_of(object(Scope::sequence));
    case Form::derivation:
      return object(Scope::derive);
    case Form::token:
      return object(Scope::token);
    case Form::sequence_key:
      return text("^[A-Za-z0-9+/]{43}=$");
    case Form::host:
      return text(kHost);
    case Form::protocols:
      return at_least_one(list_of(one_of_words(key)));
    case Form::range:
      return text(kRange);
    case Form::ranges:
      return list_of(port_or_range());
    case Form::epochs: {
      Json list = at_least_one(list_of({{"type", "integer"}, {"minimum", key.least}, {"maximum", key.most}}));
      list["maxItems"] = kMostEpochs;
      return list;
    }
    case Form::address:
    case Form::patterns:
    case Form::hosts:
      break;  // of profiles
  }
  return Json::object();
}

Json key_schema(const Key& key) {
  Json schema;
  schema["description"] = key.doc;
  schema.update(form_json(key));
  if (!key.fallback.empty()) schema["default"] = fallback_json(key);
  return schema;
}

Json object(Scope scope) {
  Json properties = Json::object(), required = Json::array();
  for (const Key& key : keys(scope)) {
    properties[std::string(key.name)] = key_schema(key);
    if (key.required && key.unless.front().empty()) required.push_back(key.name);
  }
  Json schema;
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  if (scope == Scope::sequence) {
    schema["oneOf"] = {{{"required", {"knock"}}}, {{"required", {"derive"}}}, {{"required", {"token"}}}};
    schema["anyOf"] = {{{"required", {"opens"}}}, {{"required", {"closes"}}}};
  }
  if (scope == Scope::token) schema["oneOf"] = {{{"required", {"secret_file"}}}, {{"required", {"key"}}}};
  if (scope == Scope::derive) schema["not"] = {{"required", {"period", "epoch"}}};
  return schema;
}

}  // namespace
}  // namespace spec

std::string json_schema() {
  spec::Json schema;
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "knockwork declaration";
  schema.update(spec::object(spec::Scope::declaration));
  return schema.dump(2) + '\n';
}

}  // namespace knockwork
