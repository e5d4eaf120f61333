// The commands of the CLI: each file adds its own to the application.
//
// A command is its arguments and a function: arguments → façade → output. What
// happens is decided in the core.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "input.hpp"
#include "output.hpp"
#include "shared.hpp"

// What the command line asked for.
struct Chosen {
  std::function<int()> run;
  bool json = false;  // errors are then JSON as well, even those of the command line itself
  bool reveal = false;
};

// Adds subcommands whose arguments live as long as the application.
class Commands {
 public:
  Commands(CLI::App& app, Chosen& chosen) : app_(app), chosen_(chosen) {}

  // `run` is called with the arguments once they are parsed.
  template <typename Arguments>
  CLI::App* add(const char* name, const char* what, const std::shared_ptr<Arguments>& arguments,
                int (*run)(const Arguments&)) {
    CLI::App* sub = app_.add_subcommand(name, what);
    sub->callback(
        [&chosen = chosen_, arguments, run] { chosen.run = [arguments, run] { return run(*arguments); }; });
    return sub;
  }

  // A command that has commands of its own.
  Commands add_group(const char* name, const char* what) {
    CLI::App* group = app_.add_subcommand(name, what);
    group->require_subcommand(1);
    return {*group, chosen_};
  }

  [[nodiscard]] const CLI::App& app() const { return app_; }

  // Options that several commands have, in this order.
  void share(CLI::App* sub, Common& common, SharedOptions which);

  static void add_json(CLI::App* sub, bool& json) { sub->add_flag("--json", json, "print JSON"); }

 private:
  void share(CLI::App* sub, Common& common, Shared option);

  CLI::App& app_;
  Chosen& chosen_;
};

void add_declaration_commands(Commands& commands);  // validate, lint, schema, render, trace: no kernel
void add_derive_commands(Commands& commands);       // derive …: secrets, keys, epochs
void add_epoch_commands(Commands& commands);        // epoch show, publish, retire
void add_gate_commands(Commands& commands);         // plan, apply, remove, renew, save
void add_journal_commands(Commands& commands);      // log
void add_observe_commands(Commands& commands);      // status, watch, metrics
void add_pending_commands(Commands& commands);      // confirm, rollback
void add_client_commands(Commands& commands);       // knock, connect, export
void add_grant_commands(Commands& commands);        // grant, revoke
void add_import_commands(Commands& commands);       // import …
void add_help_commands(Commands& commands);         // completion, man
