// Text from outside on its way to a terminal or a log.
//
// Names of files, hosts, interfaces and comments of a live table may hold anything. Whoever prints
// calls one of these on what is printed, once and last.
#pragma once

#include <string>
#include <string_view>

namespace knockwork {

// With escapes (`\x1b`, `\u{202e}`) for control and bidirectional characters and for bytes that are no
// UTF-8. Line feeds and tabs stay.
std::string printable(std::string_view text);

// JSON's string, with its quotes.
std::string json_string(std::string_view text);

}  // namespace knockwork
