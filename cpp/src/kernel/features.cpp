#include "kernel/features.hpp"

#include <fmt/format.h>

#include <array>

namespace knockwork {
namespace {

struct Feature {
  std::string_view word;  // by which a script that uses it is known
  std::string_view name;
  std::string_view modules;
  std::string_view hook;
  std::string_view rule;
};

constexpr std::string_view kFilter = "type filter hook input priority 0";

// The rest is in nf_tables itself.
constexpr std::array kFeatures{
    Feature{"ct ", "ct", "nft_ct", kFilter, "ct state established accept"},
    Feature{"fib ", "fib", "nft_fib_inet", kFilter, "fib daddr type local accept"},
    Feature{"type nat ", "nat", "nft_chain_nat nft_nat", "type nat hook prerouting priority -100",
            "dnat ip to 127.0.0.1"},
    Feature{"socket ", "socket", "nft_socket", kFilter, "socket wildcard 0-1 accept"},
    Feature{"reject", "reject", "nft_reject_inet", kFilter, "reject with icmpx port-unreachable"},
    Feature{"log ", "log", "nft_log nfnetlink_log", kFilter, "log group 7411"},
    Feature{"limit rate ", "limit", "nft_limit", kFilter, "limit rate 1/second accept"},
};

// A table of its own, which is never there.
std::string probe(std::string_view hook, std::string_view rule) {
  constexpr std::string_view kProbe = "inet knockwork_probe";
  std::string script = fmt::format("add table {0}\nadd chain {0} probe {{ {1}; }}\n", kProbe, hook);
  if (!rule.empty()) script += fmt::format("add rule {} probe {}\n", kProbe, rule);
  return script;
}

}  // namespace

std::string missing_features(std::string_view script, const Takes& takes) {
  if (!takes(probe(kFilter, ""))) return "";
  std::string names, modules;
  for (const Feature& feature : kFeatures) {
    if (script.find(feature.word) == std::string_view::npos || takes(probe(feature.hook, feature.rule)))
      continue;
    names += fmt::format("{}`{}`", names.empty() ? "" : ", ", feature.name);
    modules += fmt::format(" {}", feature.modules);
  }
  if (names.empty()) return "";
  return fmt::format("this kernel has no {} in nf_tables: run `modprobe{}` (in a container, on its host)",
                     names, modules);
}

}  // namespace knockwork
