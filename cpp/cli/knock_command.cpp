#include "knock_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <sstream>
#include <system_error>

#include "input.hpp"
#include "knockwork/wire.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;
using std::chrono::milliseconds;

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// One line on a terminal, which the result takes the place of.
ShowProgress progress(const KnockArguments& arguments) {
  if (arguments.json || ::isatty(STDERR_FILENO) != 1) return {};
  return [host = arguments.host](const Progress& now) {
    print_progress(now.kind == Progress::Kind::waiting
                       ? fmt::format("{}: closed; waiting {:.1f} s before the next knock", host,
                                     static_cast<double>(now.wait.count()) / 1000)
                       : fmt::format("{}: knock {} of {}", host, now.step, now.steps));
  };
}

constexpr int kMostRetries = 1000;

// In words of our own: CLI11's differ between its versions.
std::string retries_fault(const std::string& text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && count >= 0 && count <= kMostRetries
             ? ""
             : fmt::format("{} is not a number from 0 to {}", text, kMostRetries);
}

CLI::Option* add_host_and_knocks(CLI::App* sub, KnockArguments& arguments) {
  sub->add_option("HOST", arguments.host, "a host in the profile; if knocks are given, any name or address")
      ->required();
  return sub->add_option("KNOCK", arguments.knocks,
                         "knocks to use instead of a profile, as in 7000/udp 8000/tcp; - for standard input");
}

void add_family(CLI::App* sub, KnockArguments& arguments) {
  CLI::Option* ipv4 = sub->add_flag("-4", arguments.ipv4, "only IPv4");
  sub->add_flag("-6", arguments.ipv6, "only IPv6")->excludes(ipv4);
}

void add_delay(CLI::App* sub, KnockArguments& arguments) {
  add_time(sub, "--delay", arguments.delay,
           "time between two knocks; default: until the host answers, or 250ms if it does not");
}

}  // namespace

void add_way(CLI::App* sub, KnockArguments& arguments) {
  sub->add_option("--sequence", arguments.sequence, "the name of the sequence to knock");
  sub->add_option("--profile", arguments.profile, "the profile; default: ~/.config/knockwork/hosts.yml");
  sub->add_option("--source", arguments.source, "the local address to knock from");
  sub->add_option("--interface", arguments.interface, "the local interface to knock from");
  add_family(sub, arguments);
  add_delay(sub, arguments);
  add_time(sub, "--jitter", arguments.jitter, "maximum random time added between two knocks");
  sub->add_option("--retries", arguments.retries,
                  "maximum number of retries if nothing opens; the last comes after the lockout")
      ->check(retries_fault);
  add_time(
      sub, "--within", arguments.within,
      "how long to keep knocking if nothing opens; default without --retries: the host's lockout, for each epoch "
      "tried, plus 10s");
  add_time(sub, "--timeout", arguments.timeout, "how long to wait for each answer");
}

void add_plain_knock_options(CLI::App* sub, KnockArguments& arguments) {
  add_host_and_knocks(sub, arguments);
  add_family(sub, arguments);  // else it would be a knock, as a negative number is
  add_delay(sub, arguments);
}

void add_knock_options(CLI::App* sub, KnockArguments& arguments) {
  CLI::Option* knocks = add_host_and_knocks(sub, arguments);
  add_way(sub, arguments);
  knocks->excludes("--sequence")->excludes("--profile");
  CLI::Option* wait_open = sub->add_option(
      "--wait-open", arguments.wait_open,
      "prove that this TCP port opened, as in 22/tcp; default: the first that the profile's sequence opens");
  sub->add_flag("--no-prove", arguments.no_prove, "knock once, without proof that anything opened")
      ->excludes(wait_open);
  sub->add_flag("--both", arguments.both, "knock on one IPv4 and one IPv6 address of the host");
}

Knocking knocking(const KnockArguments& arguments) {
  Knocking how;
  how.way.family = arguments.ipv4 ? Family::ipv4 : arguments.ipv6 ? Family::ipv6 : Family::any;
  how.way.source = arguments.source;
  how.way.interface = arguments.interface;
  how.delay = arguments.delay;
  how.within = arguments.within;
  how.jitter = arguments.jitter;
  how.timeout = arguments.timeout;
  how.retries = arguments.retries;
  return how;
}

int exit_status(Knocked::Outcome outcome) {
  switch (outcome) {
    case Knocked::Outcome::refused:
      return kRefused;
    case Knocked::Outcome::unreachable:
      return kUnreachable;
    default:
      return kFine;
  }
}

KnockTarget target_of(const KnockArguments& arguments, const std::string& port) {
  const Profile profile = read_profile(arguments.profile);
  if (!arguments.sequence.empty()) return target_named(profile, arguments.host, arguments.sequence);
  if (!port.empty()) return target_opening(profile, arguments.host, tcp_service(port));
  return only_target(profile, arguments.host);
}

namespace {

// Knocks that stand on the command line or standard input.
KnockTarget target_by_hand(const KnockArguments& arguments) {
  const bool piped = arguments.knocks == std::vector<std::string>{"-"};
  return target_of_knocks(arguments.host, piped ? words(standard_input()) : arguments.knocks);
}

Knocked knock_as_asked(const KnockTarget& target, const KnockArguments& arguments, const ShowProgress& show) {
  const std::unique_ptr<Wire> wire = open_wire();
  std::optional<Service> service;
  if (!arguments.wait_open.empty()) {
    service = tcp_service(arguments.wait_open);
  } else if (!arguments.no_prove) {
    service = target.proof;
  }
  const Knocking how = knocking(arguments);
  if (arguments.both) return knock_both(target, service, how, *wire, show);
  return service ? knock_open(target, *service, how, *wire, show) : knock(target, how, *wire, show);
}

int run_knock_on(const KnockTarget& target, const KnockArguments& arguments) {
  const ShowProgress show = progress(arguments);
  const Knocked knocked = knock_as_asked(target, arguments, show);
  if (show) print_progress("");
  if (arguments.json) {
    print(to_json(knocked) + '\n');
  } else if (knocked.message.empty()) {
    print(to_text(knocked));
  } else {
    fail(knocked.message);
  }
  return exit_status(knocked.outcome);
}

}  // namespace

int run_knock(const KnockArguments& arguments) {
  const bool profiled = arguments.knocks.empty();
  return run_knock_on(profiled ? target_of(arguments, arguments.wait_open) : target_by_hand(arguments),
                      arguments);
}
