// Commands about secrets, the keys made from them, and epochs.
#include <fmt/format.h>

#include <string>

#include "commands.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/observe.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct DeriveArguments : Common {
  std::string secret_file = kDefaultSecretFile;
  std::string host;
  std::string sequence;
  std::optional<Epoch> from_epoch;
  std::optional<Epoch> epoch;
};

// The declaration, with `--sequence` that one alone.
Spec chosen_spec(const DeriveArguments& arguments) {
  Spec spec = load(sources(arguments.file));
  if (arguments.sequence.empty()) return spec;
  std::erase_if(spec.sequences,
                [&](const Sequence& sequence) { return sequence.name != arguments.sequence; });
  if (!has_derived(spec)) {
    throw SystemError(
        fmt::format("{} has no derived sequence named {}", shown_name(arguments.file), arguments.sequence));
  }
  return spec;
}

int run_new_secret(const DeriveArguments& arguments) {
  make_secret(arguments.secret_file, arguments.from_epoch.value_or(0),
              arguments.from_epoch ? Append::yes : Append::no);
  if (arguments.json) {
    print(new_secret_json(arguments.from_epoch.value_or(0)));
  } else {
    print(fmt::format(
        "{}: new master secret, valid from epoch {}. Do not copy it to the hosts: they need only the output "
        "of `knockwork derive host-key`.\n",
        arguments.secret_file, arguments.from_epoch.value_or(0)));
  }
  return kFine;
}

int run_host_key(const DeriveArguments& arguments) {
  print(host_key_lines(read_secrets(arguments.secret_file), arguments.host));
  return kFine;
}

int run_show_knocks(const DeriveArguments& arguments) {
  const auto all =
      drawn(chosen_spec(arguments), arguments.epoch, arguments.reveal ? Ports::revealed : Ports::hidden);
  if (arguments.json) {
    print(to_json(all) + '\n');
  } else {
    print(all.empty() ? "No derived sequences.\n" : to_text(all));
  }
  return kFine;
}

int run_clock(const DeriveArguments& arguments) {
  const ClockStatus status = clock_status(load(sources(arguments.file)));
  print(arguments.json ? to_json(status) + '\n' : to_text(status));
  return kFine;
}

int run_trust_clock(const DeriveArguments&) {
  trust_clock();
  return kFine;
}

}  // namespace

void add_derive_commands(Commands& commands) {
  const auto arguments = std::make_shared<DeriveArguments>();
  Commands group = commands.add_group("derive", "Manage secrets, host keys and derived sequences");

  CLI::App* sub = group.add("new-secret", "Generate a fleet's master secret, in a file with mode 0600",
                            arguments, run_new_secret);
  sub->add_option("FILE", arguments->secret_file,
                  "the file to write; must not exist unless --from-epoch is given")
      ->required();
  add_number(sub, "--from-epoch", arguments->from_epoch,
             "add the secret to the file, valid from this epoch on, to replace the previous one");
  group.share(sub, *arguments, {Shared::json});

  sub =
      group.add("host-key", "Print a host's secret file (contains the host's key)", arguments, run_host_key);
  sub->add_option("HOST", arguments->host,
                  "the host, as named in its `derive` (there it defaults to the host's own name)")
      ->required();
  sub->add_option("--secret-file", arguments->secret_file, "the fleet's master secret")
      ->capture_default_str();

  sub = group.add("show",
                  "Show the derived sequences that are accepted now, with fingerprints and bits of entropy",
                  arguments, run_show_knocks);
  group.share(sub, *arguments, {Shared::file, Shared::reveal, Shared::json});
  sub->add_option("--sequence", arguments->sequence, "show only this sequence");
  sub->add_option("--epoch", arguments->epoch, "show the sequences of this epoch instead");

  sub = group.add("clock", "Show this host's clock and the current epochs; needs no secret", arguments,
                  run_clock);
  group.share(sub, *arguments, {Shared::file, Shared::reveal_lines, Shared::json});

  group.add("trust-clock", "Trust this host's clock again, even if it jumped", arguments, run_trust_clock);
}
