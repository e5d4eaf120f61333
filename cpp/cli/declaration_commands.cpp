// Commands about a declaration alone: no root, no kernel.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "commands.hpp"
#include "knockwork/capture.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/graph.hpp"
#include "knockwork/interfaces.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/observe.hpp"
#include "knockwork/trust.hpp"
#include "output.hpp"

namespace {

using namespace knockwork;

struct DeclarationArguments : Common {
  std::string packets = "-";
  std::string at;
  bool keys = false;
  bool reference = false;
  bool svg = false;
  std::string pcap;
  std::vector<std::string> hosts;
  std::vector<std::string> command;
};

void warn_of_host(const Spec& spec) {
  const std::unique_ptr<Kernel> kernel = open_kernel();
  for (const std::string& warning : host_warnings(spec, *kernel)) warn(warning);
  if (const std::string open = left_open(spec, *kernel); !open.empty()) warn(open);
}

int run_validate(const DeclarationArguments& arguments) {
  const Spec spec = load(sources(arguments.file));
  warn_of_host(spec);
  if (arguments.json) {
    print(validated_json(spec.sequences.size()));
  } else {
    print(fmt::format("{}: valid, {} sequence{}\n", shown_name(arguments.file), spec.sequences.size(),
                      spec.sequences.size() == 1 ? "" : "s"));
  }
  return kFine;
}

int run_lint(const DeclarationArguments& arguments) {
  const Spec spec = load(sources(arguments.file));
  warn_of_host(spec);
  if (arguments.json) {
    print(lint_json(spec));
  } else {
    print_painted(lint(spec), table_colours());
  }
  return kFine;
}

int run_schema(const DeclarationArguments& arguments) {
  if (!arguments.command.empty()) {
    const std::string command = fmt::format("{}", fmt::join(arguments.command, " "));
    const std::optional<std::string> schema = output_schema(command);
    if (!schema)
      throw SystemError(
          fmt::format("no output is called \"{}\"; there are: {}", command, fmt::join(outputs(), ", ")));
    print(*schema);
    return kFine;
  }
  print(arguments.keys ? keys_json() : arguments.reference ? reference_page() : json_schema());
  return kFine;
}

int run_render(const DeclarationArguments& arguments) {
  print(render(load(sources(arguments.file))));
  return kFine;
}

int run_graph(const DeclarationArguments& arguments) {
  const Spec spec = in_force(load(sources(arguments.file)), time_argument(arguments.at));
  const Ports ports = arguments.reveal ? Ports::revealed : Ports::hidden;
  print(arguments.svg ? graph_svg(spec, ports) : graph(spec, ports));
  return kFine;
}

int run_trace_of_capture(const DeclarationArguments& arguments) {
  const Spec declared = load(sources(arguments.file));
  const Captured captured = read_capture(arguments.pcap, arguments.hosts, declared);
  if (!captured.cut_off.empty()) warn(captured.cut_off + "; the packets before that follow");
  if (captured.left_out > 0) {
    warn(
        fmt::format("{} packet{} left out: answers, connections that had begun, other protocols, other hosts",
                    captured.left_out, captured.left_out == 1 ? " was" : "s were"));
  }
  const auto at = time_argument(arguments.at);
  const Spec spec = in_force(declared, at ? at : captured.began);
  print(arguments.json ? trace_json(spec, captured.script, arguments.pcap)
                       : trace(spec, captured.script, arguments.pcap));
  return kFine;
}

int run_trace(const DeclarationArguments& arguments) {
  if (!arguments.pcap.empty()) return run_trace_of_capture(arguments);
  const Spec spec = in_force(load(sources(arguments.file)), time_argument(arguments.at));
  const bool piped = arguments.packets == "-";
  const std::string script = piped ? standard_input() : read_packets(arguments.packets);
  const std::string name = shown_name(arguments.packets);
  print(arguments.json ? trace_json(spec, script, name) : trace(spec, script, name));
  return kFine;
}

}  // namespace

void add_declaration_commands(Commands& commands) {
  const auto arguments = std::make_shared<DeclarationArguments>();
  CLI::App* sub = commands.add("validate", "Check whether a declaration is valid, and report every error",
                               arguments, run_validate);
  commands.share(sub, *arguments, {Shared::file, Shared::reveal_lines, Shared::json});

  sub = commands.add(
      "lint",
      "Estimate how likely guessing and port sweeps are to open each sequence, and suggest improvements",
      arguments, run_lint);
  commands.share(sub, *arguments, {Shared::file, Shared::reveal_lines, Shared::json});

  sub =
      commands.add("schema", "Print the JSON Schema of declarations, or of what a command prints with --json",
                   arguments, run_schema);
  CLI::Option* command = sub->add_option(
      "COMMAND", arguments->command,
      "the command, as in `status` or `derive show`; `error` for what any of them prints if it fails");
  sub->add_flag("--keys", arguments->keys, "print the table of keys as JSON instead")->excludes(command);
  sub->add_flag("--reference", arguments->reference, "print the reference page in Markdown instead")
      ->excludes(command);

  sub = commands.add("render", "Print the table as a file for `nft -f` (contains ports)", arguments,
                     run_render);
  commands.share(sub, *arguments, {Shared::file, Shared::reveal_lines});

  sub = commands.add("trace", "Show what a list of packets would do, and why; does not use the kernel",
                     arguments, run_trace);
  commands.share(sub, *arguments, {Shared::file, Shared::reveal_lines, Shared::json});
  CLI::Option* packets =
      sub->add_option(
             "--packets", arguments->packets,
             "a file with lines like `+0.2s 192.0.2.7 7000/udp`, or `+1s 192.0.2.7 token=alice` for a new "
             "token and `token=alice again` for its replay; - for standard input")
          ->capture_default_str();
  CLI::Option* pcap = sub->add_option("--pcap", arguments->pcap, "a capture of tcpdump or wireshark instead")
                          ->excludes(packets);
  sub->add_option("--host", arguments->hosts,
                  "with --pcap: an address of the gate; repeat for several; default: those of this host")
      ->needs(pcap);
  sub->add_option(
      "--at", arguments->at,
      "time for derived sequences, as in 2026-01-31T12:00:00Z; default: that of the capture, or now");

  sub = commands.add("graph", "Print the sequences as a Graphviz graph", arguments, run_graph);
  commands.share(sub, *arguments, {Shared::file, Shared::reveal});
  sub->add_flag("--svg", arguments->svg, "draw it with Graphviz's `dot`, and print SVG");
}
