#include "output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "knockwork/printable.hpp"
#include "terminal.hpp"

namespace {

bool coloured() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

const char* colour(std::string_view line) {
  const std::size_t at = line.find_first_not_of(' ');
  if (at >= std::min<std::size_t>(line.size(), 3)) return nullptr;
  switch (line[at]) {
    case '+':
      return "\033[32m";
    case '~':
      return "\033[33m";
    case '-':
      return "\033[31m";
    default:
      return nullptr;
  }
}

void write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw OutputLost("cannot write to standard output");
  }
}

void write_error(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

std::string indented(std::string_view text) {
  std::string result;
  for (const char byte : text) result += byte == '\n' ? std::string("\n  ") : std::string(1, byte);
  return result;
}

}  // namespace

void print(std::string_view text) { write(knockwork::printable(text)); }

std::string painted(std::string_view text, Paint paint) {
  if (!coloured()) return knockwork::printable(text);
  std::string all;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const char* colour = paint(line);
    const std::string shown = knockwork::printable(line);
    all += colour == nullptr ? shown + '\n' : fmt::format("{}{}\033[0m\n", colour, shown);
  }
  return all;
}

void print_painted(std::string_view text, Paint paint) { write(painted(text, paint)); }

void print_coloured(std::string_view text) { print_painted(text, colour); }

Paint status_colours() {
  return [](std::string_view line) -> const char* {
    const auto begins = [line](const auto... with) { return (line.starts_with(with) || ...); };
    if (begins("No gate", "Degraded: ", "Drift: ", "No tokens left", "The declared services are open"))
      return "\033[1;31m";
    if (begins("Apply ", "Nearly full: ")) return "\033[1;33m";
    if (begins("SEQUENCE ", "GRANTED TO ", "LOCKED OUT ")) return "\033[1m";
    return nullptr;
  };
}

Paint table_colours() {
  return [](std::string_view line) -> const char* {
    return line.starts_with("SEQUENCE ") ? "\033[1m" : nullptr;
  };
}

void print_paged(const std::string& text, Paging paging) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const std::string pager = paging == Paging::none || lines < terminal_size().lines ? "" : pager_command();
  if (pager.empty() || !page(pager, text)) write(text);
}

void print_error(std::string_view text) { write_error(knockwork::printable(text)); }

void fail(std::string_view text) { print_error(fmt::format("knockwork: error: {}\n", indented(text))); }

void warn(std::string_view text) { print_error(fmt::format("warning: {}\n", indented(text))); }

void print_progress(std::string_view text) {
  write_error("\r\033[K");
  print_error(text);
}
