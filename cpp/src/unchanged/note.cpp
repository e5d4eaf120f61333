#include "unchanged/note.hpp"

#include <fmt/format.h>

#include <sstream>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

std::filesystem::path path() { return std::filesystem::path(kRunDirectory) / "bytes"; }

std::string line(const BytesNote& note) {
  return fmt::format("{} {} {} {}\n", note.sources, note.ruleset, note.kept, note.links);
}

}  // namespace

std::optional<BytesNote> read_bytes_note() {
  try {
    const std::string text = read_file(path()).value_or("");
    std::istringstream words(text);
    BytesNote note;
    words >> note.sources >> note.ruleset >> note.kept >> note.links;
    if (words && line(note) == text) return note;
  } catch (const SystemError&) {
    return std::nullopt;
  }
  return std::nullopt;
}

void write_bytes_note(const BytesNote& note) {
  if (read_bytes_note() == note) return;
  try {
    write_file(path(), line(note));
  } catch (const SystemError&) {
    return;  // the next apply reads the declaration instead
  }
}

}  // namespace knockwork
