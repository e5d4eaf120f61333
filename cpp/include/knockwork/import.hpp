// Moving over: the configuration of another port knocker as a declaration, and what became of each of its
// lines.
//
// Pure but for names of services, which are this host's (/etc/services). Nothing is guessed in silence:
// every line of the source is in `lines`, with a reason unless it was translated as it stands. Reasons
// never hold a port; `text` and `declaration` do.
#pragma once

#include <string>
#include <vector>

#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

enum class LineFate {
  translated,  // the declaration says the same
  changed,     // it says something else, or less: `reason`
  lost,        // it says nothing of it: `reason`
  unneeded     // a blank line, a comment, or what has no meaning for knockwork: `reason`, if any
};
std::string to_string(LineFate fate);  // "translated", …

struct ImportedLine {
  std::string file;
  int line = 0;  // from 1
  LineFate fate = LineFate::lost;
  std::string reason;
  std::string text;  // the line itself
  bool operator==(const ImportedLine&) const = default;
};

struct ImportedFrom {
  std::string file;
  int line = 0;
  bool operator==(const ImportedFrom&) const = default;
};

struct Imported {
  std::string declaration;             // YAML that load() accepts; empty where nothing was translated
  std::vector<std::string> sequences;  // the names in it
  std::vector<ImportedFrom> origins;   // and where each of them begins in the source
  std::vector<ImportedLine> lines;     // each line of the source once, in their order
  std::vector<std::string> remarks;    // what is different as a whole: sentences
  bool operator==(const Imported&) const = default;
};

struct ForeignFile {
  std::string name;  // what the report calls it
  std::string text;
};

// knockd.conf, as knockd 0.8 reads it (knockd(1)).
Imported import_knockd(const std::vector<ForeignFile>& files);

// A file for `nft -f`: sets through which a source comes from knock to knock, as in the nftables wiki.
Imported import_nft(const ForeignFile& file);

// fwknop's access.conf: sequences with a token, all of them on one port ("41873/udp"). No key is read.
// Throws SystemError where that is not a port for tokens.
Imported import_fwknop(const ForeignFile& file, const std::string& token_port);

// What was lost or changed, with its place, and a summary. The lines themselves are shown with
// SourceLines::shown alone: they hold ports.
std::string to_text(const Imported& imported, SourceLines lines);
// The same for programs, with every line: {"declaration": "…", "sequences": ["…"], "lines": [{"file": "…",
// "line": 1, "fate": "lost", "reason": "…"}]}.
std::string to_json(const Imported& imported, SourceLines lines);

// One sequence, compared.
struct Agreement {
  std::string sequence;
  int tries = 0;
  std::vector<std::string> differences;  // "the right knocks: only knockd opens"; empty: none
};

// The same knocks for Debian's knockd, in a network namespace of its own, and for the import: whether they
// open to the same sources. No command of the files is run. Throws SystemError where knockd is missing or
// cannot be run.
std::vector<Agreement> compare_with_knockd(const std::vector<ForeignFile>& files, const Imported& imported);
std::string to_text(const std::vector<Agreement>& compared);
std::string to_json(const std::vector<Agreement>& compared);

}  // namespace knockwork
