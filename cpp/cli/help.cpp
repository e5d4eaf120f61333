#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "describe.hpp"

namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kDescriptions = 30;  // the column where CLI11 lets them begin

using Example = std::pair<std::string_view, std::string_view>;

constexpr std::array kExamples{
    Example{"validate", "knockwork validate knockwork.yml"},
    Example{"lint", "sudo knockwork lint"},
    Example{"schema", "knockwork schema > knockwork.schema.json"},
    Example{"render", "sudo knockwork render | sudo nft --check -f -"},
    Example{"trace", "echo '+1s 203.0.113.7 7000/udp' | sudo knockwork trace"},
    Example{"graph", "sudo knockwork graph --svg > gate.svg"},
    Example{"plan", "sudo knockwork plan --diff"},
    Example{"explain", "sudo knockwork explain"},
    Example{"apply", "sudo knockwork apply --confirm-within 60s"},
    Example{"drift", "sudo knockwork drift --repair"},
    Example{"remove", "sudo knockwork remove --check"},
    Example{"status", "sudo knockwork status"},
    Example{"watch", "sudo knockwork watch --json"},
    Example{"metrics", "sudo knockwork metrics"},
    Example{"renew", "sudo knockwork renew ssh"},
    Example{"save", "sudo knockwork save"},
    Example{"confirm", "sudo knockwork confirm --fresh"},
    Example{"rollback", "sudo knockwork rollback"},
    Example{"log", "sudo knockwork log --since yesterday"},
    Example{"grant", "sudo knockwork grant 192.0.2.7 --sequence ssh --for 10m"},
    Example{"revoke", "sudo knockwork revoke --source 192.0.2.7"},
    Example{"derive new-secret", "knockwork derive new-secret fleet.secret"},
    Example{"derive host-key", "knockwork derive host-key web1.example --secret-file fleet.secret"},
    Example{"derive show", "sudo knockwork derive show"},
    Example{"derive clock", "sudo knockwork derive clock"},
    Example{"derive trust-clock", "sudo knockwork derive trust-clock"},
    Example{"epoch show", "sudo knockwork epoch show"},
    Example{"epoch publish", "sudo knockwork epoch publish 42"},
    Example{"epoch retire", "sudo knockwork epoch retire 42"},
    Example{"knock", "knockwork knock web1.example"},
    Example{"connect", "ssh -o ProxyCommand='knockwork connect %h %p' web1.example"},
    Example{"export", "sudo knockwork export --for alice --address web1.example"},
    Example{"import knockd", "knockwork import knockd /etc/knockd.conf > knockwork.yml"},
    Example{"import nft", "knockwork import nft /etc/nftables.conf > knockwork.yml"},
    Example{"import fwknop", "knockwork import fwknop /etc/fwknop/access.conf > knockwork.yml"},
    Example{"completion", "source <(knockwork completion bash)"},
};

// Where the rest of a line goes on: below its description, or where the line itself begins.
std::size_t hanging(std::string_view line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  return begin == 0 || begin >= kDescriptions ? begin : kDescriptions;
}

void wrap(std::string_view line, std::string& page) {
  const std::string indent(hanging(line), ' ');
  std::string rest(line);
  while (rest.size() > kWidth) {
    const std::size_t space = rest.rfind(' ', kWidth);
    if (space == std::string::npos || space <= rest.find_first_not_of(' ')) break;  // one long word
    page += fmt::format("{}\n", std::string_view(rest).substr(0, space));
    rest.replace(0, space + 1, indent);
  }
  page += rest;
}

// CLI11 2.5 and later fold what stands below a page, and would take an example's indentation away.
void leave_footers_alone(auto& formatter) {
  if constexpr (requires { formatter.enable_footer_formatting(false); })
    formatter.enable_footer_formatting(false);
}

void add_examples_below(CLI::App& app, const std::string& path) {
  leave_footers_alone(*app.get_formatter());
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string here = path.empty() ? command->get_name() : path + ' ' + command->get_name();
    if (const std::string_view example = example_of(here); !example.empty())
      command->footer(fmt::format("Example:\n  $ {}", example));
    add_examples_below(*command, here);
  }
}

}  // namespace

std::string in_80_columns(std::string_view page) {
  std::string wrapped;
  while (!page.empty()) {
    const std::size_t end = std::min(page.find('\n'), page.size());
    wrap(page.substr(0, end), wrapped);
    if (end < page.size()) wrapped += '\n';
    page.remove_prefix(std::min(end + 1, page.size()));
  }
  return wrapped;
}

void add_examples(CLI::App& app) { add_examples_below(app, ""); }

std::string_view example_of(std::string_view command) {
  const auto* const found = std::find_if(kExamples.begin(), kExamples.end(),
                                         [command](const Example& each) { return each.first == command; });
  return found == kExamples.end() ? "" : found->second;
}
