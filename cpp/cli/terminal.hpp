// The terminal that standard output is: its size, and a pager before it.
#pragma once

#include <cstddef>
#include <string>

struct TerminalSize {
  std::size_t lines = 0;  // 0: none, or it does not say
  std::size_t columns = 0;
};
TerminalSize terminal_size();

// Whether nobody reads standard output any longer, though nothing was written meanwhile: its pipe, socket or
// terminal was closed at the other end.
bool reader_is_gone();
// Whether standard output is a pipe: the journal's socket may be closed and opened anew.
bool writes_to_pipe();
struct ReaderGone {};  // is thrown where nothing is worth doing without one

// $PAGER, or less; empty where standard output is no terminal or there is none.
std::string pager_command();
// False where it could not be started.
bool page(const std::string& pager, const std::string& text);
