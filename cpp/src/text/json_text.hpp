// The one way from values to JSON text that leaves the process. What comes from outside may hold
// any bytes: those that are no UTF-8 are replaced, and nothing in it does anything to a terminal.
#pragma once

#include <cstdint>
#include <string>

#include "text/utf8.hpp"

namespace knockwork {

template <typename Json>
std::string json_text(const Json& value, int indent = -1) {
  return spec::harmless_json(value.dump(indent, ' ', false, Json::error_handler_t::replace));
}

// A value that is not negative, to one digit after the point.
constexpr double in_tenths(double value) {
  const std::int64_t tenths = (static_cast<std::int64_t>(value * 20) + 1) / 2;
  return static_cast<double>(tenths) / 10;
}

}  // namespace knockwork
