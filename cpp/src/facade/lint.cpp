// The lint of a declaration, in the light of this host's own port range.
#include "lint/lint.hpp"

#include <sstream>

#include "host/files.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/knockwork.hpp"

namespace knockwork {
namespace {

// ip(7), ip_local_port_range. Unreadable: then there is no advice about it.
std::optional<PortRange> ephemeral_ports() try {
  std::istringstream text(read_file("/proc/sys/net/ipv4/ip_local_port_range").value_or(""));
  PortRange range;
  if (text >> range.first >> range.last) return range;
  return std::nullopt;
} catch (const SystemError&) {
  return std::nullopt;
}

}  // namespace

std::string lint(const Spec& spec) { return to_text(assess(in_force(spec), ephemeral_ports(), spec)); }

std::string lint_json(const Spec& spec) { return to_json(assess(in_force(spec), ephemeral_ports(), spec)); }

}  // namespace knockwork
