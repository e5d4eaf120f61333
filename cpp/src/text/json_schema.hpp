// JSON Schema of what commands print: each is written next to what it describes.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace knockwork::schema {

using Json = nlohmann::ordered_json;

struct Key {
  const char* name;
  Json value;
  enum class Is { always, sometimes } is = Is::always;
};

Json text(const std::string& what);
Json time(const std::string& what);  // RFC 3339, UTC
Json integer(const std::string& what);
Json number(const std::string& what);
Json flag(const std::string& what);
Json choice(const std::string& what, const std::vector<std::string>& values);
Json list(const std::string& what, Json of);
Json texts(const std::string& what);
Json integers(const std::string& what);
// No other keys than these.
Json object(const std::string& what, const std::vector<Key>& keys);
// A mapping from names to values of one kind.
Json mapping(const std::string& what, Json of);
Json or_null(Json value);

}  // namespace knockwork::schema
