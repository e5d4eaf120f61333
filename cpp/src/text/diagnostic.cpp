// Diagnostics as a terminal shows them: position and message, the source line,
// a caret, and what to do. The line is the user's text and may hold anything, so
// it is cut around the caret and made harmless first.
#include "knockwork/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "text/utf8.hpp"

namespace knockwork {
namespace {

constexpr int kWidth = 96;   // columns of a source line, beside its indent
constexpr int kBefore = 40;  // of these, before the caret of a line that is cut
constexpr int kTab = 4;

struct Cell {
  std::string text;
  int columns = 1;
};

std::vector<Cell> cells(std::string_view line) {
  std::vector<Cell> all;
  for (std::size_t at = 0; at < line.size();) {
    const spec::Character character = spec::decode(line.substr(at));
    Cell cell{spec::shown(character, line.substr(at)), 1};
    if (character.code == '\t') {
      cell = {std::string(kTab, ' '), kTab};
    } else if (!character.valid || spec::is_unprintable(character.code)) {
      cell.columns = static_cast<int>(cell.text.size());
    } else {
      cell.columns = spec::columns(character.code);
    }
    all.push_back(std::move(cell));
    at += character.bytes;
  }
  return all;
}

int columns(const std::vector<Cell>& cells, std::size_t first, std::size_t last) {
  int sum = 0;
  for (std::size_t at = first; at < last; ++at) sum += cells[at].columns;
  return sum;
}

struct Window {
  std::size_t first = 0, last = 0;  // cells
};

// The whole line where it fits; else what surrounds the caret.
Window window(const std::vector<Cell>& cells, std::size_t caret) {
  if (columns(cells, 0, cells.size()) <= kWidth) return {0, cells.size()};
  Window part{caret, caret};
  for (int used = 0; part.first > 0 && (used += cells[part.first - 1].columns) <= kBefore;) --part.first;
  int room = kWidth - columns(cells, part.first, caret);
  while (part.last < cells.size() && (room -= cells[part.last].columns) >= 0) ++part.last;
  if (part.last < cells.size()) return part;
  while (part.first > 0 && (room -= cells[part.first - 1].columns) >= 0) --part.first;
  return part;
}

std::string excerpt(const Diagnostic& diagnostic) {
  const std::vector<Cell> line = cells(diagnostic.source);
  const int offset = std::max(0, diagnostic.column - std::max(1, diagnostic.source_column));
  const std::size_t caret = std::min(static_cast<std::size_t>(offset), line.size());
  const std::size_t end =
      std::min(caret + static_cast<std::size_t>(std::max(1, diagnostic.width)), line.size());
  const Window part = window(line, caret);
  const bool cut = part.first > 0 || diagnostic.source_column > 1;
  std::string text = cut ? "  …" : "  ";
  for (std::size_t at = part.first; at < part.last; ++at) text += line[at].text;
  if (part.last < line.size()) text += "…";
  const int before = columns(line, part.first, caret) + (cut ? 1 : 0);
  const int under = std::max(1, columns(line, caret, std::min(end, part.last)));
  return fmt::format("{}\n  {:{}}^{:~<{}}\n", text, "", before, "", under - 1);
}

// A file's name, on one line.
std::string harmless(std::string_view name) {
  std::string text;
  for (std::size_t at = 0; at < name.size();) {
    const spec::Character character = spec::decode(name.substr(at));
    text += spec::shown(character, name.substr(at));
    at += character.bytes;
  }
  return text;
}

std::string to_text(const Diagnostic& diagnostic, SourceLines lines) {
  std::string text = harmless(diagnostic.file);
  if (diagnostic.line > 0) text += fmt::format(":{}:{}", diagnostic.line, diagnostic.column);
  text += fmt::format("{}error: {}\n", text.empty() ? "" : ": ", diagnostic.message);
  const bool shown = lines == SourceLines::shown;
  if (shown && diagnostic.line > 0 && !diagnostic.source.empty()) text += excerpt(diagnostic);
  const std::string& remedy = shown && !diagnostic.exact.empty() ? diagnostic.exact : diagnostic.remedy;
  if (!remedy.empty()) text += fmt::format("  help: {}\n", remedy);
  return text;
}

}  // namespace

std::string to_text(const Diagnostics& diagnostics, SourceLines lines) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += to_text(diagnostic, lines);
  return text;
}

// what() goes to logs and tracebacks, so it has no source lines: they hold secrets.
static std::string summary(const Diagnostics& diagnostics) {
  std::string text = to_text(diagnostics, SourceLines::hidden);
  if (!text.empty()) text.pop_back();
  return text;
}

InvalidDeclaration::InvalidDeclaration(Diagnostics diagnostics)
    : std::runtime_error(summary(diagnostics)), diagnostics_(std::move(diagnostics)) {}

}  // namespace knockwork
