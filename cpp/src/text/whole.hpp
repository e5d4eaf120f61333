// Whole numbers of JSON. nlohmann::json converts any number to the type that is asked for: of a fraction that
// does not fit, that is undefined ([conv.fpint]), and a whole number loses its upper bits.
#pragma once

#include <cstdint>
#include <utility>

namespace knockwork {

// Throws Json::type_error where it is none of that type.
template <typename Number, typename Json>
Number whole(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.template get<std::uint64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  } else if (value.is_number_integer()) {
    const auto number = value.template get<std::int64_t>();
    if (std::in_range<Number>(number)) return static_cast<Number>(number);
  }
  throw Json::type_error::create(302, "not a whole number of that size", &value);
}

// `fallback` where the object has no such key.
template <typename Number, typename Json>
Number whole_or(const Json& object, const char* key, Number fallback) {
  return object.contains(key) ? whole<Number>(object.at(key)) : fallback;
}

}  // namespace knockwork
