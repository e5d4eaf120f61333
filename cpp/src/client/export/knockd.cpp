// knockd.conf, as knockd(1) has it: for hosts that stay with knockd, and for the way back.
#include <fmt/format.h>

#include <algorithm>

#include "knockwork/diagnostic.hpp"
#include "knockwork/export.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kLongestCommand = 4000;  // knockd's lines end at 4,094 characters

std::int64_t seconds(std::int64_t milliseconds) { return (milliseconds + 999) / 1000; }

// knockd ends an attempt up to a second early, because it counts whole seconds.
std::int64_t sequence_timeout(const Sequence& sequence) {
  const auto steps = static_cast<std::int64_t>(sequence.knock.size()) - 1;
  std::int64_t time = steps * sequence.step_timeout.milliseconds();
  if (sequence.sequence_timeout) time = std::min(time, sequence.sequence_timeout->milliseconds());
  return seconds(time) + 1;
}

std::string knocks_as_sequence(const Sequence& sequence) {
  std::string text;
  for (const Knock& knock : sequence.knock) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", knock.port,
                        knock.protocol == Protocol::tcp ? "tcp" : "udp");
  }
  return text;
}

std::string rules(const Sequence& sequence, const char* program, const char* action) {
  std::string text;
  for (const Service& service : sequence.opens) {
    const std::string port = service.first == service.last
                                 ? fmt::format("{}", service.first)
                                 : fmt::format("{}:{}", service.first, service.last);
    text +=
        fmt::format("{}/usr/sbin/{} {} INPUT -s %IP% -p {} --dport {} -j ACCEPT", text.empty() ? "" : "; ",
                    program, action, service.protocol == Protocol::tcp ? "tcp" : "udp", port);
  }
  return text;
}

// Why knockd cannot have it; without the condition it would open more.
const char* obstacle(const Sequence& sequence) {
  if (sequence.token) return "knockd has no tokens";
  if (!sequence.closes.empty()) return "it only closes";
  if (sequence.once) return "knockd has no `once`";
  if (sequence.connections > 0) return "knockd has no `connections`";
  if (!sequence.from.empty()) return "knockd has no `from`";
  if (!sequence.interfaces.empty()) return "knockd supports only one interface for all sequences";
  if (!sequence.to.empty()) return "its services are elsewhere (`to`)";
  if (rules(sequence, "ip6tables", "-D").size() > kLongestCommand)
    return "it opens more than a line of knockd.conf holds";
  return nullptr;
}

std::string section(const Sequence& sequence) {
  std::string text = fmt::format("\n[{}]\n", sequence.name == "options" ? "options-" : sequence.name);
  const auto line = [&](const char* key, const std::string& value) {
    text += fmt::format("  {:<15} = {}\n", key, value);
  };
  line("sequence", knocks_as_sequence(sequence));
  line("seq_timeout", fmt::format("{}", sequence_timeout(sequence)));
  line("tcpflags", "syn");
  line("start_command", rules(sequence, "iptables", "-I"));
  line("start_command_6", rules(sequence, "ip6tables", "-I"));
  line("cmd_timeout", fmt::format("{}", seconds(sequence.open_for.milliseconds())));
  line("stop_command", rules(sequence, "iptables", "-D"));
  line("stop_command_6", rules(sequence, "ip6tables", "-D"));
  return text;
}

}  // namespace

Exported export_knockd(const Spec& spec, const ProfileHost& host) {
  Exported exported;
  exported.text = "# Exported by knockwork. It contains ports: give it mode 0600.\n[options]\n  UseSyslog\n";
  if (spec.interfaces.size() == 1 && !spec.interfaces.front().ends_with('*')) {
    exported.text += fmt::format("  Interface = {}\n", spec.interfaces.front());
  } else {
    exported.warnings.emplace_back("knockd listens on one interface: set `Interface`; the default is eth0");
  }
  bool any = false;
  for (const Sequence& sequence : host.sequences) {
    if (const char* why = obstacle(sequence)) {
      exported.warnings.push_back(fmt::format("{} is not exported: {}", sequence.name, why));
      continue;
    }
    exported.text += section(sequence);
    any = true;
  }
  if (!any)
    throw SystemError("none of the sequences can be expressed in knockd.conf: " + exported.warnings.back());
  exported.warnings.emplace_back("knockd closes nothing by default: a firewall must refuse the services");
  return exported;
}

}  // namespace knockwork
