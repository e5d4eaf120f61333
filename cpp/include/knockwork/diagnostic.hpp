// What is wrong with a declaration, where, and what to do about it.
//
// A diagnostic is data: the CLI prints it, on a terminal with its source line and a
// caret; pipes, journals, and the Python and Ansible faces get it without the line.
// So `message`, `remedy` and `path` never hold a port that the user wrote, of
// whatever key: the caret shows it to whoever holds the file, and to nobody else.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace knockwork {

struct Diagnostic {
  std::string file;       // as the user named it
  int line = 0;           // from 1; 0 where the fault has no place in the text
  int column = 0;         // from 1, in characters (not bytes)
  int width = 1;          // characters under the caret, at least 1
  std::string path;       // "sequences[2].knock[0]"; empty for the whole document
  std::string message;    // what is wrong, in lower case, without a full stop
  std::string remedy;     // what to do about it, the same way
  std::string source;     // the line itself, without its newline; of a very long one what surrounds the fault
  int source_column = 1;  // the column of the first character of `source`
  std::string exact;      // the remedy in the user's own numbers, for who sees `source`; empty: as `remedy`

  bool operator==(const Diagnostic&) const = default;
};

using Diagnostics = std::vector<Diagnostic>;

// Whether the source line may be seen, and with it ports.
enum class SourceLines { shown, hidden };

// "file:line:col: error: message", the source line, a caret and "  help: remedy",
// each diagnostic in the order of its place.
std::string to_text(const Diagnostics& diagnostics, SourceLines lines = SourceLines::shown);

// The user's fault: a declaration that cannot be used. Carries every fault found.
class InvalidDeclaration : public std::runtime_error {
 public:
  explicit InvalidDeclaration(Diagnostics diagnostics);
  const Diagnostics& diagnostics() const { return diagnostics_; }

 private:
  Diagnostics diagnostics_;
};

// The system's fault: not root, no nf_tables, a table that is not ours, a full
// disk, a lock that is held. `what()` says what happened and what to do.
class SystemError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Refused until who asks has come in anew: to connect once more and ask again may help.
class NotProved : public SystemError {
 public:
  using SystemError::SystemError;
};

}  // namespace knockwork
