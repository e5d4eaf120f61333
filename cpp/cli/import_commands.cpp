// Commands for those who come from another port knocker: no root, no kernel.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "commands.hpp"
#include "knockwork/import.hpp"
#include "knockwork/trust.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct ImportArguments : Common {
  std::vector<std::string> files;
  bool compare = false;
  std::string token_port = "41873/udp";
};

ForeignFile read(const std::string& file) {
  return file == "-" ? ForeignFile{shown_name(file), standard_input()}
                     : ForeignFile{file, read_packets(file)};
}

// The declaration may go to a file, the report to whoever is there. Losses are no error, but a declaration
// without a sequence is none.
int show(const Imported& imported, const ImportArguments& arguments) {
  const SourceLines lines = arguments.reveal ? SourceLines::shown : SourceLines::hidden;
  if (arguments.json) {
    print(to_json(imported, lines) + '\n');
  } else {
    print(imported.declaration);
    print_error(to_text(imported, lines));
  }
  if (!imported.sequences.empty()) return kFine;
  if (!arguments.json) fail("nothing could be translated");
  return kError;
}

// Whether both open to the same sources.
int compare(const std::vector<ForeignFile>& files, const ImportArguments& arguments) {
  const Imported imported = import_knockd(files);
  if (imported.sequences.empty()) return show(imported, arguments);
  const std::vector<Agreement> compared = compare_with_knockd(files, imported);
  print(arguments.json ? to_json(compared) + '\n' : to_text(compared));
  const bool agree = std::all_of(compared.begin(), compared.end(),
                                 [](const Agreement& one) { return one.differences.empty(); });
  return agree ? kFine : kError;
}

int run_knockd(const ImportArguments& arguments) {
  std::vector<ForeignFile> files;
  files.reserve(arguments.files.size());
  for (const std::string& file : arguments.files) files.push_back(read(file));
  return arguments.compare ? compare(files, arguments) : show(import_knockd(files), arguments);
}

int run_nft(const ImportArguments& arguments) {
  return show(import_nft(read(arguments.files.front())), arguments);
}

int run_fwknop(const ImportArguments& arguments) {
  return show(import_fwknop(read(arguments.files.front()), arguments.token_port), arguments);
}

void add_report_options(Commands& group, CLI::App* sub, ImportArguments& arguments) {
  sub->add_flag("--reveal", arguments.reveal, "show the lines that the report names (they contain ports)");
  group.share(sub, arguments, {Shared::json});
}

}  // namespace

void add_import_commands(Commands& commands) {
  const auto arguments = std::make_shared<ImportArguments>();
  Commands group =
      commands.add_group("import", "Print a declaration made from another port knocker's configuration");
  CLI::App* sub = group.add("knockd", "Translate knockd.conf; standard error says what became of each line",
                            arguments, run_knockd);
  sub->add_option("FILE", arguments->files, "the files; - for standard input")->required();
  sub->add_flag(
      "--check", arguments->compare,
      "send the same knocks to Debian's knockd, in a network namespace of its own, and to the imported gate, "
      "and compare what each sequence opens");
  add_report_options(group, sub, *arguments);

  sub =
      group.add("nft", "Translate a ruleset that implements port knocking with sets; reports in the same way",
                arguments, run_nft);
  sub->add_option("FILE", arguments->files, "the file; - for standard input")->required()->expected(1);
  add_report_options(group, sub, *arguments);

  sub = group.add("fwknop", "Translate access.conf to sequences with a token; reports in the same way",
                  arguments, run_fwknop);
  sub->add_option("FILE", arguments->files, "the file; - for standard input")->required()->expected(1);
  sub->add_option("--token-port", arguments->token_port, "the UDP port that tokens are sent to")
      ->capture_default_str();
  add_report_options(group, sub, *arguments);
}
