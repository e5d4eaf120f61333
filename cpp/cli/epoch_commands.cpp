// Rotating this host's epochs by hand.
#include <fmt/format.h>

#include <string>

#include "commands.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/rotation.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct Arguments {
  std::string file = kDefaultDeclaration;
  Epoch epoch = 0;
  std::optional<Epoch> expected;
  bool json = false;
  bool check = false;
  std::string lock_timeout = "30s";
};

int run_show(const Arguments& arguments) {
  const EpochRecord record = read_epoch_record();
  print(arguments.json ? to_json(record) : fmt::format("This host accepts epoch {}.\n", to_text(record)));
  return kFine;
}

int run_rotation(const Arguments& arguments, Rotation::Phase phase) {
  Settings settings;
  settings.lock_timeout = std::chrono::milliseconds(seconds_argument(arguments.lock_timeout));
  settings.ssh_connection = operator_connection();
  const Execution execution = arguments.check ? Execution::check : Execution::apply;
  const Report report =
      rotate(load(sources(arguments.file, For::applying)),
             {phase, arguments.epoch, arguments.expected, Proof::none}, execution, *open_kernel(), settings);
  for (const std::string& warning : report.warnings) warn(warning);
  if (arguments.json) {
    print(to_json(report) + '\n');
  } else {
    print_coloured(to_text(report, execution));
  }
  return kFine;
}

int run_publish(const Arguments& arguments) { return run_rotation(arguments, Rotation::Phase::publish); }
int run_retire(const Arguments& arguments) { return run_rotation(arguments, Rotation::Phase::retire); }

void add_rotation(Commands& commands, CLI::App* sub, Arguments& arguments) {
  sub->add_option("EPOCH", arguments.epoch, "the number of the epoch")->required();
  add_file(sub, arguments.file);
  commands.add_reveal(sub);
  commands.add_json(sub, arguments.json);
  sub->add_flag("--check", arguments.check, "show what would change, and change nothing");
  sub->add_option("--expect", arguments.expected,
                  "fail if this host accepts any epoch other than this one and EPOCH");
  sub->add_option("--lock-timeout", arguments.lock_timeout,
                  "how long to wait for another knockwork to finish")
      ->capture_default_str();
}

}  // namespace

void add_epoch_commands(Commands& commands) {
  const auto arguments = std::make_shared<Arguments>();
  Commands group = commands.add_group(
      "epoch", "The epochs that this host accepts, for sequences with neither `period` nor `epoch`");

  CLI::App* sub = group.add("show", "Show the accepted epochs", arguments, run_show);
  group.add_json(sub, arguments->json);

  sub = group.add("publish", "Accept a new epoch in addition to the old ones", arguments, run_publish);
  add_rotation(group, sub, *arguments);

  sub = group.add("retire", "Stop accepting epochs before this one, which must be published", arguments,
                  run_retire);
  add_rotation(group, sub, *arguments);
}
