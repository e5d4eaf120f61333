// Text as a terminal shows it: characters, their columns, and a harmless
// rendering of those that would do something to the terminal (escape sequences,
// bidirectional overrides) or show nothing at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace knockwork::spec {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = true;  // false: a byte that is no UTF-8; `code` is that byte
};

// The character at the front of `text`, which is not empty.
Character decode(std::string_view text);

std::size_t count_characters(std::string_view text);

// How many columns a terminal gives to it: 0, 1 or 2.
int columns(char32_t code);

// Controls, line separators, zero-width and bidirectional characters.
bool is_unprintable(char32_t code);

// The character as it may be shown: itself, or an escape such as \x1b.
std::string shown(const Character& character, std::string_view bytes);

// A whole text as it may be shown: as `shown`, but for line feeds and tabs, which stay.
std::string harmless(std::string_view text);

// JSON's own text, valid UTF-8, with what may not be shown as \u escapes: the same value.
std::string harmless_json(std::string text);

// A user's text inside a message: in backticks, harmless, cut after 40 characters. A list of knocks may
// stand where anything else should, so what may be a port is "(hidden)".
std::string quote(std::string_view text);

// The same of a valid name, which may be a number.
std::string quote_name(std::string_view text);

// The same of a key: none has a number of two digits.
std::string quote_key(std::string_view text);

}  // namespace knockwork::spec
