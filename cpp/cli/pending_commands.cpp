// An apply that waits: keeping it, and taking it back.
#include <fmt/format.h>

#include <string>

#include "commands.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/observe.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct PendingArguments : Common {
  std::string id;
  bool fresh = false;
  bool armed = false;
};

int run_confirm(const PendingArguments& arguments) {
  const Proof proof = arguments.fresh ? Proof::fresh : Proof::none;
  const std::string id = confirm(arguments.id, proof, *open_kernel(), settings(arguments));
  print(arguments.json ? confirmed_json(id) : fmt::format("Confirmed: apply {} is kept.\n", id));
  return kFine;
}

int run_rollback(const PendingArguments& arguments) {
  if (arguments.armed) {
    rollback_armed(arguments.id, *open_kernel());
    return kFine;
  }
  const Report report = rollback(arguments.id, *open_kernel(), settings(arguments));
  return show(report, arguments, Execution::apply, "Rolled back: nothing had been committed.\n");
}

void add_common(Commands& commands, CLI::App* sub, PendingArguments& arguments) {
  sub->add_option("ID", arguments.id, "the apply's ID, as printed by apply; default: the one that waits");
  commands.share(sub, arguments, {Shared::json, Shared::lock_timeout});
}

}  // namespace

void add_pending_commands(Commands& commands) {
  const auto arguments = std::make_shared<PendingArguments>();
  CLI::App* sub =
      commands.add("confirm", "Confirm an apply that waits for confirmation", arguments, run_confirm);
  add_common(commands, sub, *arguments);
  sub->add_flag("--fresh", arguments->fresh,
                "confirm only if this ssh connection, or a knock for it, is newer than the apply");

  sub = commands.add("rollback", "Roll back an apply that waits for confirmation", arguments, run_rollback);
  add_common(commands, sub, *arguments);
  sub->add_flag("--armed", arguments->armed, "as the timer does: silent if that apply no longer waits")
      ->group("");  // not for people
}
