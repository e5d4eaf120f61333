// Commands about secrets, the keys made from them, and epochs.
#include <fmt/format.h>

#include <string>

#include "commands.hpp"
#include "knockwork/derive.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct Arguments {
  std::string declaration = kDefaultDeclaration;
  std::string secret_file = kDefaultSecretFile;
  std::string host;
  std::string sequence;
  std::optional<Epoch> from_epoch;
  std::optional<Epoch> epoch;
  bool reveal = false;
  bool json = false;
};

// The declaration, with `--sequence` that one alone.
Spec chosen_spec(const Arguments& arguments) {
  Spec spec = load(sources(arguments.declaration));
  if (arguments.sequence.empty()) return spec;
  std::erase_if(spec.sequences,
                [&](const Sequence& sequence) { return sequence.name != arguments.sequence; });
  if (!has_derived(spec)) {
    throw SystemError(
        fmt::format("{} has no derived sequence named {}", arguments.declaration, arguments.sequence));
  }
  return spec;
}

int run_new_secret(const Arguments& arguments) {
  make_secret(arguments.secret_file, arguments.from_epoch.value_or(0),
              arguments.from_epoch ? Append::yes : Append::no);
  if (arguments.json) {
    print(fmt::format("{{\"changed\":true,\"from_epoch\":{}}}\n", arguments.from_epoch.value_or(0)));
  } else {
    print(fmt::format(
        "{}: a new master secret, in force from epoch {}. Keep it off the hosts: they take the lines "
        "of `knockwork derive host-key`.\n",
        arguments.secret_file, arguments.from_epoch.value_or(0)));
  }
  return kFine;
}

int run_host_key(const Arguments& arguments) {
  print(host_key_lines(read_secrets(arguments.secret_file), arguments.host));
  return kFine;
}

int run_show(const Arguments& arguments) {
  const auto all =
      drawn(chosen_spec(arguments), arguments.epoch, arguments.reveal ? Ports::revealed : Ports::hidden);
  if (arguments.json) {
    print(to_json(all) + '\n');
  } else {
    print(all.empty() ? "No sequence is derived.\n" : to_text(all));
  }
  return kFine;
}

int run_clock(const Arguments& arguments) {
  const ClockStatus status = clock_status(load(sources(arguments.declaration)));
  print(arguments.json ? to_json(status) + '\n' : to_text(status));
  return kFine;
}

int run_trust_clock(const Arguments&) {
  trust_clock();
  return kFine;
}

}  // namespace

void add_derive_commands(Commands& commands) {
  const auto arguments = std::make_shared<Arguments>();
  Commands group = commands.add_group("derive", "Secrets, the keys made from them, and the sequences drawn");

  CLI::App* sub = group.add("new-secret", "Make a fleet's master secret, in a file of mode 0600", arguments,
                            run_new_secret);
  sub->add_option("FILE", arguments->secret_file, "where to write it; one that is there is refused")
      ->required();
  sub->add_option("--from-epoch", arguments->from_epoch,
                  "add it to the file, to be in force from this epoch on: so secrets are replaced");
  group.add_json(sub, arguments->json);

  sub = group.add("host-key", "Print what to install as a host's secret file (it holds the host's key)",
                  arguments, run_host_key);
  sub->add_option("HOST", arguments->host, "the host, as its `derive` names it; default there: its own name")
      ->required();
  sub->add_option("--secret-file", arguments->secret_file, "the fleet's master secret")
      ->capture_default_str();

  sub = group.add("show", "Show the sequences that are accepted now: fingerprints, and bits of entropy",
                  arguments, run_show);
  add_file(sub, arguments->declaration);
  sub->add_option("--sequence", arguments->sequence, "only this one");
  sub->add_option("--epoch", arguments->epoch, "as drawn for this epoch instead");
  group.add_reveal(sub, arguments->reveal,
                   "show the knocks where fingerprints would stand, and faulty lines");
  group.add_json(sub, arguments->json);

  sub = group.add("clock", "Show this host's clock and the epochs it stands for; needs no secret", arguments,
                  run_clock);
  add_file(sub, arguments->declaration);
  group.add_reveal(sub);
  group.add_json(sub, arguments->json);

  group.add("trust-clock", "Believe this host's clock from now on, however far it went", arguments,
            run_trust_clock);
}
