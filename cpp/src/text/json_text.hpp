// The one way from values to JSON text that leaves the process. What comes from outside may hold
// any bytes: those that are no UTF-8 are replaced, and nothing in it does anything to a terminal.
#pragma once

#include <string>

#include "text/utf8.hpp"

namespace knockwork {

template <typename Json>
std::string json_text(const Json& value, int indent = -1) {
  return spec::harmless_json(value.dump(indent, ' ', false, Json::error_handler_t::replace));
}

}  // namespace knockwork
