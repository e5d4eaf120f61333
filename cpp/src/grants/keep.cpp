// Saving what packets have made, and giving a spent sequence its use back.
#include <fmt/format.h>

#include <algorithm>

#include "grants/named.hpp"
#include "host/clocks.hpp"
#include "host/lock.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "records/state.hpp"
#include "undo/revert.hpp"

namespace knockwork {
namespace {

constexpr const char* kSpent = "spent";

std::string listed(const std::vector<Track>& tracks) {
  std::string names;
  for (const Track& track : tracks) {
    if (track.once) names += (names.empty() ? "" : ", ") + track.name;
  }
  return names.empty() ? "none" : names;
}

// The numbers by which the kernel knows the sequence's last knock, one for each of its epochs.
std::vector<std::string> edges_of(const LiveTable& live, const std::string& name) {
  std::vector<std::string> edges;
  for (const Track& track : tracks_named(live, name)) {
    if (!track.once) {
      throw SystemError(
          fmt::format("{} is not a `once` sequence, so it is never spent (`once` sequences: {})", name,
                      listed(decompile(live.ruleset))));
    }
    edges.push_back(edge_key(track.edges.back().id));
  }
  return edges;
}

LiveTable read_gate(Kernel& kernel) {
  std::optional<LiveTable> live = kernel.read();
  if (!live || !live->ours) {
    throw SystemError("there is no gate in this network namespace: run `knockwork apply` first");
  }
  return std::move(*live);
}

}  // namespace

void save(Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  write_saved(worth_saving(read_gate(kernel), wall_clock()));
}

Report renew(const std::string& name, Execution execution, Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  Report report;
  if (execution == Execution::apply) report = make_way("", kernel, settings);
  const LiveTable live = read_gate(kernel);
  std::vector<std::string> edges = edges_of(live, name);
  const auto spent = live.live.find(kSpent);
  std::erase_if(edges, [&](const std::string& edge) {
    return spent == live.live.end() ||
           std::none_of(spent->second.begin(), spent->second.end(),
                        [&](const LiveElement& element) { return element.key == edge; });
  });
  if (edges.empty()) return report;
  report.changed = true;
  report.changes.push_back({Change::Kind::change, "sequence", name, "spent", "usable once", "renewed"});
  if (execution == Execution::check) return report;
  kernel.commit({{ForgetElements{kSpent, edges}}});
  // A saved state that still says "spent" would take the use away again.
  std::vector<std::string> damaged;  // what is, may still say so tomorrow: written anew as well
  if (read_saved(damaged) || !damaged.empty()) write_saved(worth_saving(read_gate(kernel), wall_clock()));
  return report;
}

}  // namespace knockwork
