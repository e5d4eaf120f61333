// Grants given by hand.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commit/carry_out.hpp"
#include "grants/named.hpp"
#include "grants/revoke.hpp"
#include "host/lock.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "ruleset/decompile/program_of.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

constexpr int kMostBits = 8;  // that tell the sources of one grant apart: 256 of them

// The sources that a network is, as the sets name them.
std::vector<Network> sources_of(const Network& network, const Program& program) {
  const int prefix = source_prefix(program, network.ipv6);
  const int bits = prefix - network.prefix;
  if (bits <= 0) return {source_of(network, program)};
  if (bits > kMostBits) {
    throw SystemError(fmt::format(
        "\"{}\" has more than {} sources: grant a /{} or smaller, put it into always_allow, or set {} so "
        "that one source covers more addresses",
        to_string(network), 1 << kMostBits, prefix - kMostBits,
        network.ipv6 ? "ipv6_prefix" : "ipv4_prefix"));
  }
  std::vector<Network> sources;
  for (unsigned number = 0; number < 1U << bits; ++number) {
    Network source = network;
    source.prefix = static_cast<std::uint8_t>(prefix);
    for (int bit = 0; bit < bits; ++bit) {
      const int at = prefix - 1 - bit;
      if ((number >> bit & 1U) == 0) continue;
      std::uint8_t& byte = source.bytes[static_cast<std::size_t>(at / 8)];
      byte = static_cast<std::uint8_t>(byte | 0x80U >> (at % 8));
    }
    sources.push_back(source_of(source, program));
  }
  return sources;
}

Plan plan_of(const LiveTable& live, const Network& network, const std::string& sequence,
             std::optional<milliseconds> time) {
  const Program program = program_of(live.ruleset);
  const std::vector<Network> sources = sources_of(network, program);
  const Track track = tracks_named(live, sequence).back();  // of several epochs the newest, which stays
  if (!track.closes.empty())
    throw SystemError(
        fmt::format("{} opens nothing: it closes {}", track.name, fmt::join(track.closes, ", ")));
  // An element without a time would stay for good.
  if (track.services.empty() || track.open_for == Duration{}) {
    throw SystemError(fmt::format(
        "the table does not say what {} opens, since another program changed it: run `knockwork apply` first",
        track.name));
  }
  const std::string whom = sources.size() > 1 ? to_string(network) : shown_source(sources.front(), program);
  return plan_grant(live, track, sources, whom, time.value_or(milliseconds(track.open_for.milliseconds())));
}

}  // namespace

Report grant(const std::string& address, const std::string& sequence, std::optional<milliseconds> time,
             Execution execution, Kernel& kernel, const Settings& settings) {
  std::optional<Lock> lock;
  if (execution == Execution::apply) lock.emplace(settings.lock_timeout);
  const Network network = source_argument(address);
  Reading reading{read_gate(kernel), {}};
  Plan plan = plan_of(*reading.live, network, sequence, time);
  if (execution == Execution::check) return report_of(plan);
  Report report;
  carry_out(std::move(plan), std::move(reading), {}, deed("grant", settings), report, kernel);
  keep_state(kernel, report.warnings);
  return report;
}

}  // namespace knockwork
