// Commands of whoever knocks: no root, no gate of this host.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>

#include "commands.hpp"
#include "knockwork/client.hpp"
#include "knockwork/wire.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;
using std::chrono::milliseconds;

struct Arguments {
  std::string host;
  std::vector<std::string> knocks;
  std::string port;
  std::string sequence;
  std::string wait_open;
  std::string profile;
  std::string source;
  std::string interface;
  bool ipv4 = false, ipv6 = false;
  std::string delay = "50ms", jitter = "0ms", timeout = "5s";
  int retries = 2;
  bool try_first = false;
  bool fdpass = false, no_fdpass = false;
  bool json = false;
};

struct ExportArguments {
  std::string file = kDefaultDeclaration;
  std::string host;
  std::string address;
  bool json = false;
};

milliseconds time_argument(const std::string& text) {
  return milliseconds(text == "0" ? 0 : seconds_argument(text));
}

Knocking knocking(const Arguments& arguments) {
  Knocking how;
  how.way.family = arguments.ipv4 ? Family::ipv4 : arguments.ipv6 ? Family::ipv6 : Family::any;
  how.way.source = arguments.source;
  how.way.interface = arguments.interface;
  how.delay = time_argument(arguments.delay);
  how.jitter = time_argument(arguments.jitter);
  how.timeout = time_argument(arguments.timeout);
  how.retries = arguments.retries;
  how.try_first = arguments.try_first;
  return how;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

Door door(const Arguments& arguments) {
  if (arguments.knocks == std::vector<std::string>{"-"}) {
    return door_by_hand(arguments.host, words(standard_input()));
  }
  if (!arguments.knocks.empty()) return door_by_hand(arguments.host, arguments.knocks);
  const Profile profile = read_profile(arguments.profile);
  const std::string& port = arguments.port.empty() ? arguments.wait_open : arguments.port;
  if (!arguments.sequence.empty()) return door_named(profile, arguments.host, arguments.sequence);
  if (!port.empty()) return door_opening(profile, arguments.host, tcp_service(port));
  return only_door(profile, arguments.host);
}

// One line on a terminal, which the result takes the place of.
ShowProgress progress(const Arguments& arguments) {
  if (arguments.json || ::isatty(STDERR_FILENO) != 1) return {};
  return [host = arguments.host](const Progress& now) {
    print_error(now.kind == Progress::Kind::waiting
                    ? fmt::format("\r\033[K{}: closed; waiting {:.1f} s before the next knock", host,
                                  static_cast<double>(now.wait.count()) / 1000)
                    : fmt::format("\r\033[K{}: knock {} of {}", host, now.step, now.steps));
    if (now.kind == Progress::Kind::knocking && now.step == now.steps) print_error("\r\033[K");
  };
}

int status(Knocked::Outcome outcome) {
  switch (outcome) {
    case Knocked::Outcome::refused:
      return kRefused;
    case Knocked::Outcome::unreachable:
      return kUnreachable;
    default:
      return kFine;
  }
}

int run_knock(const Arguments& arguments) {
  const Door chosen = door(arguments);
  const std::unique_ptr<Wire> wire = open_wire();
  const ShowProgress show = progress(arguments);
  const Knocked knocked = arguments.wait_open.empty() ? knock(chosen, knocking(arguments), *wire, show)
                                                      : knock_open(chosen, tcp_service(arguments.wait_open),
                                                                   knocking(arguments), *wire, show);
  if (show) print_error("\r\033[K");
  if (arguments.json) {
    print(to_json(knocked) + '\n');
  } else if (knocked.message.empty()) {
    print(to_text(knocked));
  } else {
    print_error("knockwork: error: " + to_text(knocked));
  }
  return status(knocked.outcome);
}

bool is_socket(int number) {
  struct stat status {};
  return ::fstat(number, &status) == 0 && S_ISSOCK(status.st_mode);
}

int run_connect(const Arguments& arguments) {
  const Door chosen = door(arguments);
  const std::unique_ptr<Wire> wire = open_wire();
  Connected connected = connect(chosen, tcp_service(arguments.port), knocking(arguments), *wire);
  if (connected.knocked.outcome != Knocked::Outcome::open) {
    print_error("knockwork: error: " + to_text(connected.knocked));
    return status(connected.knocked.outcome);
  }
  if (arguments.fdpass || (!arguments.no_fdpass && is_socket(STDOUT_FILENO))) {
    pass(connected.socket, STDOUT_FILENO);
    return kFine;
  }
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went is told by write(2)
  relay(std::move(connected.socket), STDIN_FILENO, STDOUT_FILENO);
  return kFine;
}

int run_export(const ExportArguments& arguments) {
  char name[256] = "localhost";
  ::gethostname(name, sizeof name - 1);
  const ProfileHost host = export_host(load(sources(arguments.file)),
                                       arguments.host.empty() ? name : arguments.host, arguments.address);
  print(arguments.json ? to_json(host) + '\n' : to_yaml(host));
  return kFine;
}

void add_way(CLI::App* sub, Arguments& arguments) {
  sub->add_option("--sequence", arguments.sequence, "the sequence to knock, by its name");
  sub->add_option("--profile", arguments.profile,
                  "the profile to read instead of ~/.config/knockwork/hosts.yml");
  sub->add_option("--source", arguments.source, "the address of this host to knock from");
  sub->add_option("--interface", arguments.interface, "the interface of this host to knock from");
  CLI::Option* ipv4 = sub->add_flag("-4", arguments.ipv4, "only IPv4");
  sub->add_flag("-6", arguments.ipv6, "only IPv6")->excludes(ipv4);
  sub->add_option("--delay", arguments.delay, "time between two knocks")->capture_default_str();
  sub->add_option("--jitter", arguments.jitter, "at most so much more between two knocks, at random")
      ->capture_default_str();
  sub->add_option("--retries", arguments.retries,
                  "how often to knock again where nothing opened, each time after the lockout")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  sub->add_option("--timeout", arguments.timeout, "how long to wait for each answer")->capture_default_str();
}

}  // namespace

void add_client_commands(Commands& commands) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* sub = commands.add("knock", "Knock on a host: as a profile has it, or the knocks that are given",
                               arguments, run_knock);
  sub->add_option("HOST", arguments->host, "a host of the profile; with knocks, any name or address")
      ->required();
  sub->add_option("KNOCK", arguments->knocks,
                  "7000/udp 8000/tcp …: these instead of a profile's; - for standard input");
  add_way(sub, *arguments);
  sub->add_option("--wait-open", arguments->wait_open, "check that this TCP port has opened, as in 22/tcp");
  commands.add_json(sub, arguments->json);

  sub = commands.add("connect", "Knock, connect, and hand the connection to ssh (its ProxyCommand)",
                     arguments, run_connect);
  sub->add_option("HOST", arguments->host, "a host of the profile: ssh's %h")->required();
  sub->add_option("PORT", arguments->port, "the TCP port to connect to: ssh's %p")->required();
  add_way(sub, *arguments);
  sub->add_flag("--try-first", arguments->try_first, "knock only where the port is not open already");
  CLI::Option* fdpass =
      sub->add_flag("--fdpass", arguments->fdpass,
                    "pass the connection over standard output, as ssh's ProxyUseFdpass asks; by itself where "
                    "that is a socket");
  sub->add_flag("--no-fdpass", arguments->no_fdpass, "copy bytes even where standard output is a socket")
      ->excludes(fdpass);

  const auto exported = std::make_shared<ExportArguments>();
  sub = commands.add("export", "Print a profile for whoever knocks on this host (it holds ports)", exported,
                     run_export);
  add_file(sub, exported->file);
  sub->add_option("--host", exported->host, "what the host is called there; default: its own name");
  sub->add_option("--address", exported->address, "where knocks go; default: the host as it is called");
  commands.add_json(sub, exported->json);
}
