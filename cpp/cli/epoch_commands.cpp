// Rotating this host's epochs by hand.
#include <fmt/format.h>

#include <string>

#include "commands.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/rotation.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct EpochArguments : Common {
  Epoch epoch = 0;
  std::optional<Epoch> expected;
};

int run_show_epochs(const EpochArguments& arguments) {
  const EpochRecord record = read_epoch_record();
  print(arguments.json ? to_json(record)
                       : fmt::format("This host accepts epoch{} {}.\n", record.accepts.size() == 1 ? "" : "s",
                                     to_text(record)));
  return kFine;
}

int run_rotation(const EpochArguments& arguments, Rotation::Phase phase) {
  const Spec spec = load(sources(arguments.file, For::applying));
  const Report report = rotate(spec, {phase, arguments.epoch, arguments.expected, Proof::none, {}},
                               execution(arguments), *open_kernel(), settings(arguments));
  return show(report, arguments, execution(arguments));
}

int run_publish(const EpochArguments& arguments) { return run_rotation(arguments, Rotation::Phase::publish); }
int run_retire(const EpochArguments& arguments) { return run_rotation(arguments, Rotation::Phase::retire); }

void add_rotation(Commands& commands, CLI::App* sub, EpochArguments& arguments) {
  add_number(sub, "EPOCH", arguments.epoch, "the number of the epoch")->required();
  commands.share(sub, arguments,
                 {Shared::file, Shared::reveal_lines, Shared::json, Shared::check, Shared::lock_timeout});
  add_number(sub, "--expect", arguments.expected,
             "fail if this host accepts any epoch other than this one and EPOCH");
}

}  // namespace

void add_epoch_commands(Commands& commands) {
  const auto arguments = std::make_shared<EpochArguments>();
  Commands group = commands.add_group(
      "epoch", "Manage the epochs that this host accepts, for sequences with neither `period` nor `epoch`");

  CLI::App* sub = group.add("show", "Show the accepted epochs", arguments, run_show_epochs);
  group.share(sub, *arguments, {Shared::json});

  sub = group.add("publish", "Accept a new epoch in addition to the old ones", arguments, run_publish);
  add_rotation(group, sub, *arguments);

  sub = group.add("retire", "Stop accepting epochs before this one, which must be published", arguments,
                  run_retire);
  add_rotation(group, sub, *arguments);
}
