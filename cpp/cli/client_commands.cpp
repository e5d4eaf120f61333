// Commands of whoever knocks: no root, no gate of this host.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "knock_command.hpp"
#include "knockwork/client.hpp"
#include "knockwork/export.hpp"
#include "knockwork/printable.hpp"
#include "knockwork/rotation.hpp"
#include "knockwork/wire.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct ConnectArguments : KnockArguments {
  std::string port;
  bool try_first = false;
  bool fdpass = false, no_fdpass = false;
};

enum class Format { profile, knockd, sh, ssh_config, qr };

constexpr std::array<std::pair<const char*, Format>, 5> kFormats{{{"profile", Format::profile},
                                                                  {"knockd", Format::knockd},
                                                                  {"sh", Format::sh},
                                                                  {"ssh_config", Format::ssh_config},
                                                                  {"qr", Format::qr}}};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  names.reserve(kFormats.size());
  for (const auto& [name, format] : kFormats) names.emplace_back(name);
  return names;
}

// Of one of format_names().
Format format_named(const std::string& name) {
  return std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& each) { return each.first == name; })
      ->second;
}

// Whether clients go by a profile, and so may draw the knocks of another epoch.
bool goes_by_profile(Format format) { return format == Format::profile || format == Format::ssh_config; }

struct ExportArguments : Common {
  std::string host;
  std::string address;
  std::string person;
  std::string format = "profile";
};

bool is_socket(int number) {
  struct stat status {};
  return ::fstat(number, &status) == 0 && S_ISSOCK(status.st_mode);
}

// A fleet is gated host by host: with --try-first those of which nothing is known yet are open perhaps.
KnockTarget target_to_try(const ConnectArguments& arguments) {
  try {
    return target_of(arguments, arguments.port);
  } catch (const SystemError& error) {
    if (!arguments.try_first) throw;
    return unknown_target(arguments.host, error.what());
  }
}

int connect_to(const ConnectArguments& arguments) {
  const KnockTarget target = target_to_try(arguments);
  const std::unique_ptr<Wire> wire = open_wire();
  Knocking how = knocking(arguments);
  how.try_first = arguments.try_first;
  Connected connected = connect(target, tcp_service(arguments.port), how, *wire);
  if (connected.knocked.outcome != Knocked::Outcome::open) {
    fail(connected.knocked.message);
    return exit_status(connected.knocked.outcome);
  }
  if (arguments.fdpass || (!arguments.no_fdpass && is_socket(STDOUT_FILENO))) {
    send_socket(connected.socket, STDOUT_FILENO);
    return kFine;
  }
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went is told by write(2)
  relay(std::move(connected.socket), STDIN_FILENO, STDOUT_FILENO);
  return kFine;
}

// What ssh prints may end in somebody's log: the lines of the profile stay out of it.
int run_connect(const ConnectArguments& arguments) {
  try {
    return connect_to(arguments);
  } catch (const InvalidDeclaration& invalid) {
    print_error(fmt::format("{}\n", invalid.what()));
    return kError;
  }
}

// Epochs that are kept here are written out: who knocks has no other way to know them.
Spec with_this_hosts_epochs(Spec spec) {
  return needs_record(spec) ? with_record(std::move(spec), read_epoch_record()) : spec;
}

// What was derived is written down, because no client has the secret.
void warn_of_epochs(const Spec& spec, const ExportArguments& arguments, Format format) {
  for (const Sequence& sequence : spec.sequences) {
    const bool meant =
        arguments.person.empty() ? !goes_by_profile(format) : sequence.name == arguments.person;
    if (!meant || !sequence.derive) continue;
    warn(fmt::format(
        "the knocks of {} are those of epoch {} and end with it: export them again then, or declare `token`",
        sequence.name, current_epoch(*sequence.derive, unix_time())));
  }
}

Exported exported_as(Format format, const ExportArguments& arguments, const Spec& spec,
                     const std::string& host) {
  const ProfileHost known = !arguments.person.empty()
                                ? export_for(spec, arguments.person, host, arguments.address)
                            : goes_by_profile(format) ? export_host(spec, host, arguments.address)
                                                      : export_written(spec, host, arguments.address);
  switch (format) {
    case Format::knockd:
      return export_knockd(spec, known);
    case Format::sh:
      return export_shell(known);
    case Format::ssh_config:
      return export_ssh_config(known);
    case Format::qr:
      return {qr_code(to_yaml(known)), {}};
    case Format::profile:
      break;
  }
  return {arguments.json ? to_json(known) + '\n' : to_yaml(known), {}};
}

int run_export(const ExportArguments& arguments) {
  char name[256] = "localhost";
  ::gethostname(name, sizeof name - 1);
  const std::string host = arguments.host.empty() ? name : arguments.host;
  const Spec spec = with_this_hosts_epochs(load(sources(arguments.file)));
  const Format format = format_named(arguments.format);
  const Exported exported = exported_as(format, arguments, spec, host);
  warn_of_epochs(spec, arguments, format);
  for (const std::string& warning : exported.warnings) warn(warning);
  const bool wrapped = arguments.json && format != Format::profile;
  print(wrapped
            ? fmt::format("{{\"format\":\"{}\",\"text\":{}}}\n", arguments.format, json_string(exported.text))
            : exported.text);
  return kFine;
}

}  // namespace

void add_client_commands(Commands& commands) {
  const auto knock = std::make_shared<KnockArguments>();
  CLI::App* sub =
      commands.add("knock", "Knock on a host, with a profile or with the given knocks", knock, run_knock);
  add_knock_options(sub, *knock);
  commands.share(sub, *knock, {Shared::reveal_lines, Shared::json});

  const auto arguments = std::make_shared<ConnectArguments>();
  sub = commands.add("connect", "Knock, connect, and pass the connection to ssh (as its ProxyCommand)",
                     arguments, run_connect);
  sub->add_option("HOST", arguments->host, "a host in the profile (ssh's %h)")->required();
  sub->add_option("PORT", arguments->port, "the TCP port to connect to (ssh's %p)")->required();
  add_way(sub, *arguments);
  sub->add_flag("--try-first", arguments->try_first, "knock only if the port is not already open");
  CLI::Option* fdpass = sub->add_flag(
      "--fdpass", arguments->fdpass,
      "pass the connection over standard output, for ssh's ProxyUseFdpass; default if standard output is a "
      "socket");
  sub->add_flag("--no-fdpass", arguments->no_fdpass, "copy bytes even if standard output is a socket")
      ->excludes(fdpass);

  const auto exported = std::make_shared<ExportArguments>();
  sub = commands.add("export", "Print a profile for clients of this host (contains ports)", exported,
                     run_export);
  commands.share(sub, *exported, {Shared::file, Shared::reveal_lines, Shared::json});
  sub->add_option("--host", exported->host, "the host's name in the profile; default: its own name");
  sub->add_option(
      "--for", exported->person,
      "a profile for one person: only this sequence, with a key of its own instead of the secret");
  sub->add_option(
         "--format", exported->format,
         "profile; knockd: knockd.conf for Debian's knockd; sh: a script that needs only nc (with tokens "
         "openssl too); ssh_config: a section; qr: the profile as a QR code, by qrencode")
      ->check(CLI::IsMember(format_names()))
      ->capture_default_str();
  sub->add_option("--address", exported->address, "the address to knock on; default: the host's name");
}
