#include "text/json_schema.hpp"

#include <utility>

namespace knockwork::schema {
namespace {

Json typed(const char* type, const std::string& what) {
  Json value{{"type", type}};
  if (!what.empty()) value["description"] = what;
  return value;
}

}  // namespace

Json text(const std::string& what) { return typed("string", what); }

Json time(const std::string& what) {
  Json value = typed("string", what);
  value["format"] = "date-time";
  return value;
}

Json integer(const std::string& what) { return typed("integer", what); }
Json number(const std::string& what) { return typed("number", what); }
Json flag(const std::string& what) { return typed("boolean", what); }

Json choice(const std::string& what, const std::vector<std::string>& values) {
  Json value = typed("string", what);
  value["enum"] = values;
  return value;
}

Json list(const std::string& what, Json of) {
  Json value = typed("array", what);
  value["items"] = std::move(of);
  return value;
}

Json texts(const std::string& what) { return list(what, text("")); }
Json integers(const std::string& what) { return list(what, integer("")); }

Json object(const std::string& what, const std::vector<Key>& keys) {
  Json value = typed("object", what);
  value["additionalProperties"] = false;
  value["required"] = Json::array();
  value["properties"] = Json::object();
  for (const Key& key : keys) {
    value["properties"][key.name] = key.value;
    if (key.is == Key::Is::always) value["required"].push_back(key.name);
  }
  return value;
}

Json mapping(const std::string& what, Json of) {
  Json value = typed("object", what);
  value["additionalProperties"] = std::move(of);
  return value;
}

Json or_null(Json value) {
  value["type"] = Json::array({value["type"], "null"});
  return value;
}

}  // namespace knockwork::schema
