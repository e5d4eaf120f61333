// What became of the lines, for a terminal and for programs.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "knockwork/import.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

std::ptrdiff_t count(const Imported& imported, LineFate fate) {
  return std::count_if(imported.lines.begin(), imported.lines.end(),
                       [&](const ImportedLine& line) { return line.fate == fate; });
}

bool go_together(const ImportedLine& one, const ImportedLine& next) {
  return one.file == next.file && one.fate == next.fate && one.reason == next.reason;
}

bool is_told(const ImportedLine& line) {
  return line.fate == LineFate::lost || line.fate == LineFate::changed || !line.reason.empty();
}

std::string word(LineFate fate) { return fate == LineFate::unneeded ? "not needed" : to_string(fate); }

}  // namespace

std::string to_string(LineFate fate) {
  switch (fate) {
    case LineFate::translated:
      return "translated";
    case LineFate::changed:
      return "changed";
    case LineFate::lost:
      return "lost";
    case LineFate::unneeded:
      break;
  }
  return "unneeded";
}

std::string to_text(const Imported& imported, SourceLines lines) {
  std::string out;
  for (auto line = imported.lines.begin(); line != imported.lines.end();) {
    const auto end = std::find_if_not(line, imported.lines.end(),
                                      [&](const ImportedLine& next) { return go_together(*line, next); });
    if (is_told(*line)) {
      const int last = std::prev(end)->line;
      const std::string place = last == line->line ? "" : fmt::format("-{}", last);
      out += fmt::format("{}:{}{}: {}: {}\n", line->file, line->line, place, word(line->fate), line->reason);
      for (auto shown = line; lines == SourceLines::shown && shown != end; ++shown) {
        out += fmt::format("  | {}\n", shown->text);
      }
    }
    line = end;
  }
  for (const std::string& remark : imported.remarks) out += fmt::format("note: {}\n", remark);
  const std::size_t made = imported.sequences.size();
  out += fmt::format("{} sequence{}; of {} lines {} translated, {} changed, {} lost, {} not needed\n", made,
                     made == 1 ? "" : "s", imported.lines.size(), count(imported, LineFate::translated),
                     count(imported, LineFate::changed), count(imported, LineFate::lost),
                     count(imported, LineFate::unneeded));
  return out;
}

std::string to_json(const Imported& imported, SourceLines lines) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const ImportedLine& line : imported.lines) {
    nlohmann::ordered_json one{
        {"file", line.file}, {"line", line.line}, {"fate", to_string(line.fate)}, {"reason", line.reason}};
    if (lines == SourceLines::shown) one["text"] = line.text;
    all.push_back(std::move(one));
  }
  const nlohmann::ordered_json whole{{"declaration", imported.declaration},
                                     {"sequences", imported.sequences},
                                     {"remarks", imported.remarks},
                                     {"lines", std::move(all)}};
  return json_text(whole);
}

schema::Json import_schema() {
  const schema::Json line = schema::object(
      "", {{"file", schema::text("The file.")},
           {"line", schema::integer("The line, from 1 on.")},
           {"fate", schema::text("What became of it.")},
           {"reason", schema::text("Why.")},
           {"text", schema::text("The line itself, with --reveal."), schema::Key::Is::sometimes}});
  return schema::object("A declaration made from another program's configuration.",
                        {{"declaration", schema::text("The declaration, as YAML.")},
                         {"sequences", schema::texts("The names of its sequences.")},
                         {"remarks", schema::texts("What differs as a whole, as sentences.")},
                         {"lines", schema::list("What became of each line.", line)}});
}

}  // namespace knockwork
