// The command line of knockwork: parse, run what was chosen, say what went wrong.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "commands.hpp"
#include "help.hpp"
#include "knock_command.hpp"
#include "misuse.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

// A line of a declaration holds ports. On a terminal somebody looks at a file that he may read; what is
// written anywhere else is kept, in a journal for example, and others read it.
SourceLines lines(const Chosen& chosen) {
  return chosen.reveal || ::isatty(STDERR_FILENO) == 1 ? SourceLines::shown : SourceLines::hidden;
}

int refuse(const std::exception& error, const Chosen& chosen) {
  if (chosen.json) {
    print(to_json(error) + '\n');
  } else if (const auto* invalid = dynamic_cast<const InvalidDeclaration*>(&error)) {
    print_error(to_text(invalid->diagnostics(), lines(chosen)));
  } else {
    fail(error.what());
  }
  return kError;
}

// A knock needs none of the other commands: to describe them all takes longer than to knock (tests/bench,
// clients). What is wrong or asks for more, run() tells.
std::optional<KnockArguments> plain_knock(int argc, char** argv) {
  if (argc < 3 || std::string_view(argv[1]) != "knock") return std::nullopt;
  for (const auto describe : {add_plain_knock_options, add_knock_options}) {
    KnockArguments arguments;
    CLI::App app;
    app.set_help_flag();
    describe(app.add_subcommand("knock"), arguments);
    try {
      app.parse(argc, argv);
    } catch (const std::exception&) {
      continue;
    }
    if (given_empty(app).empty()) return arguments;
  }
  return std::nullopt;
}

void refuse_empty(const std::string& option) {
  if (!option.empty()) throw SystemError(fmt::format("{}: the value is empty", option));
}

int run(int argc, char** argv, Chosen& chosen) {
  chosen.json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
  refuse_empty(given_empty(argc, argv));
  if (const auto knock = plain_knock(argc, argv)) return run_knock(*knock);
  CLI::App app{"Declarative port knocking for nftables: one file, one table, no daemon.", "knockwork"};
  app.set_version_flag("--version", std::string("knockwork ") + version());
  app.require_subcommand(1);
  Commands commands(app, chosen);
  add_declaration_commands(commands);
  add_gate_commands(commands);
  add_observe_commands(commands);
  add_pending_commands(commands);
  add_journal_commands(commands);
  add_grant_commands(commands);
  add_derive_commands(commands);
  add_epoch_commands(commands);
  add_client_commands(commands);
  add_import_commands(commands);
  add_help_commands(commands);
  add_examples(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help and --version
      std::ostringstream text;
      app.exit(error, text, text);
      print(in_80_columns(text.str()));
      return kFine;
    }
    const Misuse wrong = misuse(error, argc, argv, app);
    if (chosen.json) throw SystemError(fmt::format("{} (see {} --help)", wrong.fault, wrong.command));
    fail(wrong.fault);
    print_error(fmt::format("See {} --help.\n", wrong.command));
    return kError;
  }
  refuse_empty(given_empty(app));
  return chosen.run();
}

// Secrets and ports are in this memory: it is left behind in no file. LeakSanitizer looks at its own process
// as a debugger does, and needs the permission.
void leave_no_core() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

}  // namespace

// Nothing that is thrown leaves it: an input that ends the process by a signal leaves a core dump.
int main(int argc, char** argv) {
  leave_no_core();
  std::signal(SIGCHLD, SIG_DFL);  // a parent may have ignored it, and then nobody is told how a child ended
  Chosen chosen;
  try {
    try {
      return run(argc, argv, chosen);
    } catch (const std::exception& error) {
      return refuse(error, chosen);
    }
  } catch (const std::exception& error) {  // standard output takes no more
    fail(error.what());
  } catch (...) {
    fail("internal error (unknown exception): please report this");
  }
  return kError;
}
