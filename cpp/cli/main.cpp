// The command line of knockwork-main: parse, run what was chosen, say what went wrong.
#include <fmt/format.h>

#include <string>

#include "commands.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

int fail(const std::exception& error, const Chosen& chosen) {
  if (chosen.json) {
    print(to_json(error) + '\n');
    return kError;
  }
  if (const auto* invalid = dynamic_cast<const InvalidDeclaration*>(&error)) {
    print_error(to_text(invalid->diagnostics()));
  } else {
    print_error(fmt::format("knockwork: error: {}\n", error.what()));
  }
  return kError;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Port knocking for nftables, declared: one file, one table, no daemon."};
  app.set_version_flag("--version", std::string("knockwork ") + version());
  app.require_subcommand(1);
  Chosen chosen;
  Commands commands(app, chosen);
  add_declaration_commands(commands);
  add_gate_commands(commands);
  add_pending_commands(commands);
  add_grant_commands(commands);
  add_derive_commands(commands);
  add_epoch_commands(commands);
  add_client_commands(commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
    print_error(fmt::format("knockwork: error: {}\nSee knockwork --help.\n", error.what()));
    return kError;
  }
  try {
    return chosen.run();
  } catch (const std::exception& error) {
    return fail(error, chosen);
  }
}
