#include "import/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace knockwork {
namespace {

int gravity(LineFate fate) {
  switch (fate) {
    case LineFate::lost:
      return 3;
    case LineFate::changed:
      return 2;
    case LineFate::translated:
      return 1;
    case LineFate::unneeded:
      break;
  }
  return 0;
}

}  // namespace

Ledger::Ledger(const ForeignFile& file) : file_(file.name) {
  std::string_view rest = file.text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines_.push_back({file_, count() + 1, LineFate::lost, "this line is not understood",
                      std::string(rest.substr(0, end))});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  noted_.resize(lines_.size(), false);
}

void Ledger::note(int line, LineFate fate, const std::string& reason) {
  const auto at = static_cast<std::size_t>(line - 1);
  ImportedLine& noted = lines_.at(at);
  if (!noted_[at] || gravity(fate) > gravity(noted.fate)) {
    noted.fate = fate;
    noted.reason = reason;
  } else if (fate == noted.fate && !reason.empty() && noted.reason.find(reason) == std::string::npos) {
    noted.reason += (noted.reason.empty() ? "" : "; ") + reason;
  }
  noted_[at] = true;
}

std::vector<ImportedLine> Ledger::close() && { return std::move(lines_); }

void Passage::refuse(int line, const std::string& reason) {
  if (culprit_ == 0) culprit_ = line;
  note(line, LineFate::lost, reason);
}

void Passage::settle() {
  const auto has_reason = [&](int line) {
    return std::any_of(notes_.begin(), notes_.end(),
                       [&](const Note& note) { return note.line == line && note.fate == LineFate::lost; });
  };
  for (const Note& note : notes_) {
    const bool drawn_in = refused() && (note.fate == LineFate::translated || note.fate == LineFate::changed);
    if (!drawn_in) {
      ledger_->note(note.line, note.fate, note.reason);
    } else if (!has_reason(note.line)) {
      ledger_->note(note.line, LineFate::lost, fmt::format("not translated because of line {}", culprit_));
    }
  }
}

}  // namespace knockwork
