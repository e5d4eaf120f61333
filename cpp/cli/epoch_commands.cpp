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
  sub->add_option("EPOCH", arguments.epoch, "its number")->required();
  add_file(sub, arguments.file);
  commands.add_reveal(sub);
  commands.add_json(sub, arguments.json);
  sub->add_flag("--check", arguments.check, "only say what would change");
  sub->add_option("--expect", arguments.expected,
                  "refuse where this host accepts any other but this and EPOCH");
  sub->add_option("--lock-timeout", arguments.lock_timeout, "how long to wait for another run to end")
      ->capture_default_str();
}

}  // namespace

void add_epoch_commands(Commands& commands) {
  const auto arguments = std::make_shared<Arguments>();
  Commands group = commands.add_group(
      "epoch", "The epochs that this host accepts, where neither clock nor declaration says");

  CLI::App* sub = group.add("show", "Show them", arguments, run_show);
  group.add_json(sub, arguments->json);

  sub = group.add("publish", "Accept a new epoch beside the old ones", arguments, run_publish);
  add_rotation(group, sub, *arguments);

  sub = group.add("retire", "Accept no epoch before this one any longer; its own must be published",
                  arguments, run_retire);
  add_rotation(group, sub, *arguments);
}
