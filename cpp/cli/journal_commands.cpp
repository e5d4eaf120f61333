// What this host's journal tells of the gate.
#include "commands.hpp"
#include "knockwork/log.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct JournalArguments {
  bool json = false;
  std::string since;
  std::size_t count = 0;
};

int run_log(const JournalArguments& arguments) {
  const std::vector<LogEntry> log = read_log(arguments.since, arguments.count);
  if (arguments.json) {
    print(to_json(log) + '\n');
  } else {
    print_coloured(log.empty() ? "The journal has no changes of the gate.\n" : to_text(log));
  }
  return kFine;
}

}  // namespace

void add_journal_commands(Commands& commands) {
  const auto arguments = std::make_shared<JournalArguments>();
  CLI::App* sub =
      commands.add("log", "Show who changed the gate, when, and what changed, from this host's journal",
                   arguments, run_log);
  Commands::add_json(sub, arguments->json);
  sub->add_option("--since", arguments->since,
                  "show changes since this time, as in \"2026-01-31\" or yesterday");
  add_number(sub, "--count", arguments->count, "show only the last N changes; 0: all")->default_str("0");
}
