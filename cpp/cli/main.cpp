// Arguments → façade → output. What happens is decided in the core.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

// Exit statuses, as terraform and ansible have them.
constexpr int kFine = 0;
constexpr int kError = 1;
constexpr int kWouldChange = 2;  // only plan --detailed-exitcode

struct Arguments {
  std::string file = kDefaultDeclaration;
  std::string packets = "-";
  std::string name;
  std::size_t count = 0;
  bool json = false;
  bool reveal = false;
  bool check = false;
  bool diff = false;
  bool detailed_exitcode = false;
  bool keys = false;
  bool reference = false;
  std::string lock_timeout = "30s";
};

std::string standard_input() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

// "-" reads the declaration from standard input; drop-ins belong to files only.
std::vector<Source> sources(const std::string& file) {
  if (file == "-") return {{Source::Kind::declaration, "<stdin>", standard_input()}};
  return read_declaration(file);
}

std::string read_script(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw SystemError(fmt::format("cannot read {}: {}", file, std::strerror(errno)));
  return {std::istreambuf_iterator<char>(stream), {}};
}

Settings settings(const Arguments& arguments) {
  Settings settings;
  settings.ports = arguments.reveal ? Ports::revealed : Ports::hidden;
  settings.lock_timeout = std::chrono::milliseconds(seconds_argument(arguments.lock_timeout));
  settings.ssh_connection = operator_connection();
  return settings;
}

void show(const Report& report, const Arguments& arguments, Execution execution) {
  for (const std::string& warning : report.warnings) warn(warning);
  if (arguments.json) {
    print(to_json(report) + '\n');
    return;
  }
  print_coloured(to_text(report, execution));
  if (arguments.diff && report.changed) print_coloured('\n' + to_diff(report));
}

int run_validate(const Arguments& arguments) {
  const Spec spec = load(sources(arguments.file));
  if (arguments.json) {
    print(fmt::format("{{\"valid\":true,\"sequences\":{}}}\n", spec.sequences.size()));
  } else {
    print(fmt::format("{}: valid, {} sequence{}\n", arguments.file, spec.sequences.size(),
                      spec.sequences.size() == 1 ? "" : "s"));
  }
  return kFine;
}

int run_lint(const Arguments& arguments) {
  const Spec spec = load(sources(arguments.file));
  print(arguments.json ? lint_json(spec) : lint(spec));
  return kFine;
}

int run_schema(const Arguments& arguments) {
  print(arguments.keys ? keys_json() : arguments.reference ? reference_page() : json_schema());
  return kFine;
}

int run_render(const Arguments& arguments) {
  print(render(load(sources(arguments.file))));
  return kFine;
}

int run_plan(const Arguments& arguments) {
  const Spec spec = load(sources(arguments.file));
  const Report report = plan(spec, *open_kernel(), settings(arguments));
  show(report, arguments, Execution::check);
  return report.changed && arguments.detailed_exitcode ? kWouldChange : kFine;
}

int run_apply(const Arguments& arguments) {
  const Spec spec = load(sources(arguments.file));
  const Execution execution = arguments.check ? Execution::check : Execution::apply;
  show(apply(spec, execution, *open_kernel(), settings(arguments)), arguments, execution);
  return kFine;
}

int run_remove(const Arguments& arguments) {
  const Execution execution = arguments.check ? Execution::check : Execution::apply;
  const Report report = remove(execution, *open_kernel(), settings(arguments));
  if (report.changed || arguments.json) {
    show(report, arguments, execution);
  } else {
    print("Unchanged: there is no table inet knockwork.\n");
  }
  return kFine;
}

int run_renew(const Arguments& arguments) {
  const Execution execution = arguments.check ? Execution::check : Execution::apply;
  const Report report = renew(arguments.name, execution, *open_kernel(), settings(arguments));
  if (report.changed || arguments.json) {
    show(report, arguments, execution);
  } else {
    print(fmt::format("Unchanged: {} is not spent.\n", arguments.name));
  }
  return kFine;
}

int run_save(const Arguments& arguments) {
  save(*open_kernel(), settings(arguments));
  return kFine;
}

int run_watch(const Arguments& arguments) {
  const std::unique_ptr<Kernel> kernel = open_kernel();
  const std::string log = log_of(*kernel);
  if (log.empty()) warn("there is no gate yet in this network namespace");
  if (log == "none") warn("nothing will be reported: the declaration says `log: none`; write grants or all");
  watch(*kernel, *open_events(), arguments.count,
        [&](const Seen& seen) { print(arguments.json ? to_json(seen) : to_text(seen)); });
  return kFine;
}

int run_status(const Arguments& arguments) {
  const Status now = status(*open_kernel(), settings(arguments));
  print(arguments.json ? to_json(now) + '\n' : to_text(now));
  return kFine;
}

int run_trace(const Arguments& arguments) {
  const Spec spec = load(sources(arguments.file));
  const bool piped = arguments.packets == "-";
  const std::string script = piped ? standard_input() : read_script(arguments.packets);
  const std::string name = piped ? "<stdin>" : arguments.packets;
  print(arguments.json ? trace_json(spec, script, name) : trace(spec, script, name));
  return kFine;
}

int run_call() {
  print(call(standard_input(), *open_kernel()) + '\n');
  return kFine;
}

using Command = int (*)(const Arguments&);

CLI::App* add(CLI::App& app, const char* name, const char* what, Command& chosen, Command command) {
  CLI::App* sub = app.add_subcommand(name, what);
  sub->callback([&chosen, command] { chosen = command; });
  return sub;
}

void add_file(CLI::App* sub, Arguments& arguments) {
  sub->add_option("FILE", arguments.file,
                  "the declaration; conf.d/*.yml beside it belong to it; - for standard input")
      ->capture_default_str();
}

void add_json(CLI::App* sub, Arguments& arguments) { sub->add_flag("--json", arguments.json, "print JSON"); }

void add_reveal(CLI::App* sub, Arguments& arguments) {
  sub->add_flag("--reveal", arguments.reveal, "show ports where fingerprints would stand");
}

void add_lock_timeout(CLI::App* sub, Arguments& arguments) {
  sub->add_option("--lock-timeout", arguments.lock_timeout, "how long to wait for another run to end")
      ->capture_default_str();
}

void add_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App* sub =
      add(app, "validate", "Say whether a declaration can be used, and if not, why", chosen, run_validate);
  add_file(sub, arguments);
  add_json(sub, arguments);

  sub = add(app, "lint", "Say how likely guesses and sweeps are to open each sequence, and what would help",
            chosen, run_lint);
  add_file(sub, arguments);
  add_json(sub, arguments);

  sub = add(app, "schema", "Print the JSON Schema of declarations", chosen, run_schema);
  sub->add_flag("--keys", arguments.keys, "print the table of keys as JSON instead");
  sub->add_flag("--reference", arguments.reference, "print the reference page in Markdown instead");

  sub = add(app, "render", "Print the table as a file for `nft -f` (it holds ports)", chosen, run_render);
  add_file(sub, arguments);

  sub = add(app, "plan", "Say what an apply would change", chosen, run_plan);
  add_file(sub, arguments);
  add_json(sub, arguments);
  add_reveal(sub, arguments);
  sub->add_flag("--diff", arguments.diff, "show before and after of every change");
  sub->add_flag("--detailed-exitcode", arguments.detailed_exitcode, "exit 2 where something would change");

  sub = add(app, "apply", "Make the kernel hold what the declaration says", chosen, run_apply);
  add_file(sub, arguments);
  add_json(sub, arguments);
  add_reveal(sub, arguments);
  sub->add_flag("--check", arguments.check, "only say what would change");
  sub->add_flag("--diff", arguments.diff, "show before and after of every change");
  add_lock_timeout(sub, arguments);

  sub = add(app, "remove", "Take the table away: protected services open to everyone", chosen, run_remove);
  add_json(sub, arguments);
  add_reveal(sub, arguments);
  sub->add_flag("--check", arguments.check, "only say what would change");
  sub->add_flag("--diff", arguments.diff, "show before and after of every change");
  add_lock_timeout(sub, arguments);

  sub = add(app, "status", "Show the gate: sequences, who is in and for how long, who is locked out", chosen,
            run_status);
  add_json(sub, arguments);
  add_reveal(sub, arguments);

  sub = add(app, "watch", "Show who comes in and who knocks wrong, as it happens (needs `log`)", chosen,
            run_watch);
  add_json(sub, arguments);
  sub->add_option("--count", arguments.count, "end after so many events; 0: never")->capture_default_str();

  sub = add(app, "renew", "Give a spent `once` sequence its use back", chosen, run_renew);
  sub->add_option("NAME", arguments.name, "the sequence")->required();
  add_json(sub, arguments);
  sub->add_flag("--check", arguments.check, "only say what would change");
  add_lock_timeout(sub, arguments);

  sub =
      add(app, "save", "Keep grants and spent uses for the next apply that finds no table", chosen, run_save);
  add_lock_timeout(sub, arguments);

  sub = add(app, "trace", "Say what a list of packets would do, and why; needs no kernel", chosen, run_trace);
  add_file(sub, arguments);
  add_json(sub, arguments);
  sub->add_option("--packets", arguments.packets,
                  "a file of lines like `+0.2s 192.0.2.7 7000/udp`; - for standard input")
      ->capture_default_str();

  add(app, "call", "Answer one request of the Ansible modules", chosen, [](const Arguments&) {
    return run_call();
  })->group("");  // not for people
}

int fail(const std::exception& error, const Arguments& arguments) {
  if (arguments.json) {
    print(to_json(error) + '\n');
    return kError;
  }
  if (const auto* invalid = dynamic_cast<const InvalidDeclaration*>(&error)) {
    print_error(to_text(invalid->diagnostics()));
  } else {
    print_error(fmt::format("knockwork: error: {}\n", error.what()));
  }
  return kError;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Port knocking for nftables, declared: one file, one table, no daemon."};
  app.set_version_flag("--version", std::string("knockwork ") + version());
  app.require_subcommand(1);
  Arguments arguments;
  Command command = nullptr;
  add_commands(app, arguments, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
    print_error(fmt::format("knockwork: error: {}\nSee knockwork --help.\n", error.what()));
    return kError;
  }
  try {
    return command(arguments);
  } catch (const std::exception& error) {
    return fail(error, arguments);
  }
}
