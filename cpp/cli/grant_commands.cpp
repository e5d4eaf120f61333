// Who is in: letting a source in by hand, and taking grants back.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "commands.hpp"
#include "knockwork/kernel.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct GrantArguments : Common {
  std::string address;
  std::string sequence;
  std::string source;
  std::string time;
  bool all = false;
};

int run_revoke(const GrantArguments& arguments) {
  if (arguments.sequence.empty() && arguments.source.empty() && !arguments.all) {
    throw SystemError("specify which grants: --sequence NAME, --source ADDRESS, both, or --all");
  }
  const Report report = revoke({arguments.sequence, arguments.source}, execution(arguments), *open_kernel(),
                               settings(arguments));
  return show(report, arguments, execution(arguments),
              "Unchanged: there is no such grant and no such connection.\n");
}

int run_grant(const GrantArguments& arguments) {
  std::optional<std::chrono::milliseconds> time;
  if (!arguments.time.empty()) time = parse_time(arguments.time, "--for");
  const Report report = grant(arguments.address, arguments.sequence, time, execution(arguments),
                              *open_kernel(), settings(arguments));
  return show(report, arguments, execution(arguments),
              "Unchanged: the source already has a grant that lasts longer.\n");
}

}  // namespace

void add_grant_commands(Commands& commands) {
  const auto arguments = std::make_shared<GrantArguments>();
  CLI::App* sub = commands.add("grant", "Grant a source access as if it had knocked", arguments, run_grant);
  sub->add_option("ADDRESS", arguments->address, "the source's address, or a network of up to 256 sources")
      ->required();
  sub->add_option("--sequence", arguments->sequence, "the sequence whose services it may use")->required();
  sub->add_option("--for", arguments->time, "duration, as in 60s; default: the sequence's open_for");
  commands.share(sub, *arguments, {Shared::json, Shared::check, Shared::lock_timeout});

  sub = commands.add("revoke", "Revoke grants, and cut the connections that no other grant covers", arguments,
                     run_revoke);
  sub->add_option("--sequence", arguments->sequence, "only grants of this sequence");
  sub->add_option("--source", arguments->source, "only grants of this address or network");
  sub->add_flag("--all", arguments->all, "all grants");
  commands.share(sub, *arguments, {Shared::json, Shared::check, Shared::lock_timeout});
}
