// As docs/ssh.md has it.
#include <fmt/format.h>

#include <set>

#include "knockwork/diagnostic.hpp"
#include "knockwork/export.hpp"

namespace knockwork {

Exported export_ssh_config(const ProfileHost& host) {
  std::set<std::uint16_t> ports;
  bool ssh = false;
  for (const Sequence& sequence : host.sequences) {
    for (const Service& service : sequence.opens) {
      if (service.protocol != Protocol::tcp) continue;
      ports.insert(service.first);
      ssh = ssh || (service.first <= 22 && 22 <= service.last);
    }
  }
  if (ports.empty()) throw SystemError("no sequence opens a TCP port, so ssh has nothing to connect to");
  std::string names;
  for (const std::string& pattern : host.patterns) names += ' ' + pattern;
  std::string text = "# Needs the profile that `knockwork export` prints, in ~/.config/knockwork/hosts.yml\n";
  text += fmt::format("Host{}\n", names);
  if (!ssh) text += fmt::format("  Port {}\n", *ports.begin());
  text += "  ProxyCommand knockwork connect %h %p\n  ProxyUseFdpass yes\n  ServerAliveInterval 60\n";
  Exported exported{text, {}};
  if (!ssh && ports.size() > 1) {
    exported.warnings.emplace_back("several TCP ports are opened, and none of them is 22: check `Port`");
  }
  return exported;
}

}  // namespace knockwork
