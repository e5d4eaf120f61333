// Who is in: letting a source in by hand, and taking grants back.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "commands.hpp"
#include "knockwork/kernel.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct Arguments {
  std::string address;
  std::string sequence;
  std::string source;
  std::string time;
  bool json = false;
  bool check = false;
  bool all = false;
  std::string lock_timeout = "30s";
};

Settings settings(const Arguments& arguments) {
  Settings settings;
  settings.lock_timeout = std::chrono::milliseconds(seconds_argument(arguments.lock_timeout));
  settings.ssh_connection = operator_connection();
  return settings;
}

int show(const Report& report, const Arguments& arguments, const char* unchanged) {
  for (const std::string& warning : report.warnings) warn(warning);
  if (arguments.json) {
    print(to_json(report) + '\n');
  } else if (report.changed) {
    print_coloured(to_text(report, arguments.check ? Execution::check : Execution::apply));
  } else {
    print(unchanged);
  }
  return kFine;
}

Execution execution(const Arguments& arguments) {
  return arguments.check ? Execution::check : Execution::apply;
}

int run_revoke(const Arguments& arguments) {
  if (arguments.sequence.empty() && arguments.source.empty() && !arguments.all) {
    throw SystemError("specify which grants: --sequence NAME, --source ADDRESS, both, or --all");
  }
  const Report report = revoke({arguments.sequence, arguments.source}, execution(arguments), *open_kernel(),
                               settings(arguments));
  return show(report, arguments, "Unchanged: there is no such grant and no such connection.\n");
}

int run_grant(const Arguments& arguments) {
  std::optional<std::chrono::milliseconds> time;
  if (!arguments.time.empty()) time = parse_time(arguments.time, "--for");
  const Report report = grant(arguments.address, arguments.sequence, time, execution(arguments),
                              *open_kernel(), settings(arguments));
  return show(report, arguments, "Unchanged: the source already has a grant that lasts longer.\n");
}

void add_common(Commands& commands, CLI::App* sub, Arguments& arguments) {
  commands.add_json(sub, arguments.json);
  sub->add_flag("--check", arguments.check, "show what would change, and change nothing");
  sub->add_option("--lock-timeout", arguments.lock_timeout,
                  "how long to wait for another knockwork to finish")
      ->capture_default_str();
}

}  // namespace

void add_grant_commands(Commands& commands) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* sub = commands.add("grant", "Grant a source access as if it had knocked", arguments, run_grant);
  sub->add_option("ADDRESS", arguments->address, "the source's address, or a network of up to 256 sources")
      ->required();
  sub->add_option("--sequence", arguments->sequence, "the sequence whose services it may use")->required();
  sub->add_option("--for", arguments->time, "duration, as in 60s; default: the sequence's open_for");
  add_common(commands, sub, *arguments);

  sub = commands.add("revoke", "Revoke grants, and cut the connections that no other grant covers", arguments,
                     run_revoke);
  sub->add_option("--sequence", arguments->sequence, "only grants of this sequence");
  sub->add_option("--source", arguments->source, "only grants of this address or network");
  sub->add_flag("--all", arguments->all, "all grants");
  add_common(commands, sub, *arguments);
}
