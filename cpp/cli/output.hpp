// What reaches the terminal: the one place where text from outside is made harmless. Control characters,
// bidirectional overrides and bytes that are no UTF-8 are shown as escapes (`\x1b`), whoever named them.
#pragma once

#include <string>
#include <string_view>

#include "knockwork/diagnostic.hpp"

// Standard output takes no more (a full disk).
class OutputLost : public knockwork::SystemError {
 public:
  using SystemError::SystemError;
};

// Throws OutputLost, as all that prints.
void print(std::string_view text);

// The same with additions green, changes yellow and removals red, on a terminal
// that has not said NO_COLOR (https://no-color.org).
void print_coloured(std::string_view text);

// How a line is to be shown: an escape sequence, or null.
using Paint = const char* (*)(std::string_view line);
// The text made harmless, with colours where print_coloured() has them.
std::string painted(std::string_view text, Paint paint);
void print_painted(std::string_view text, Paint paint);
Paint status_colours();
Paint table_colours();  // the head of a table alone

// What painted() made, through $PAGER where standard output is a terminal that it does not fit; as git does.
enum class Paging { automatic, none };
void print_paged(const std::string& text, Paging paging);

void print_error(std::string_view text);
// "knockwork: error: …" and "warning: …"; a line feed in `text` starts no line of its own.
void fail(std::string_view text);
void warn(std::string_view text);

// A line on a terminal that the next one takes the place of; empty: none any longer.
void print_progress(std::string_view text);
