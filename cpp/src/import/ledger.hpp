// What became of each line of a foreign configuration. A line of which nothing is noted is lost, and says
// so: none can be dropped in silence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "knockwork/import.hpp"

namespace knockwork {

class Ledger {
 public:
  explicit Ledger(const ForeignFile& file);

  const std::string& file() const { return file_; }
  int count() const { return static_cast<int>(lines_.size()); }
  const std::string& text(int line) const { return lines_[static_cast<std::size_t>(line - 1)].text; }

  // Of several notes about a line the gravest counts: lost, changed, translated, unneeded. The reasons of
  // that one are joined.
  void note(int line, LineFate fate, const std::string& reason = "");
  std::vector<ImportedLine> close() &&;

 private:
  std::string file_;
  std::vector<ImportedLine> lines_;
  std::vector<bool> noted_;
};

// Lines that make one sequence: they stand or fall together.
class Passage {
 public:
  Passage(Ledger& ledger, int line) : ledger_(&ledger), line_(line) {}

  int line() const { return line_; }  // where it begins
  const std::string& file() const { return ledger_->file(); }
  void note(int line, LineFate fate, std::string reason = "") {
    notes_.push_back({line, fate, std::move(reason)});
  }
  // Nothing of it is translated, because of this line.
  void refuse(int line, const std::string& reason);
  bool refused() const { return culprit_ != 0; }
  void settle();  // writes the notes into the ledger

 private:
  struct Note {
    int line;
    LineFate fate;
    std::string reason;
  };
  Ledger* ledger_;
  int line_;
  int culprit_ = 0;  // the first line because of which it was refused
  std::vector<Note> notes_;
};

}  // namespace knockwork
