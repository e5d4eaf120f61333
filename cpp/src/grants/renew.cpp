// Saving what packets have made, and giving a spent sequence its use back.
#include <fmt/format.h>

#include "commit/carry_out.hpp"
#include "grants/named.hpp"
#include "grants/revoke.hpp"
#include "host/clocks.hpp"
#include "host/lock.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "records/state.hpp"
#include "undo/rollback.hpp"

namespace knockwork {
namespace {

std::string listed(const std::vector<Track>& tracks) {
  std::string names;
  for (const Track& track : tracks) {
    if (track.once) names += (names.empty() ? "" : ", ") + track.name;
  }
  return names.empty() ? "none" : names;
}

// The last edges of the sequence, one for each of its epochs.
std::vector<EdgeId> last_edges(const LiveTable& live, const std::string& name) {
  std::vector<EdgeId> edges;
  for (const Track& track : tracks_named(live, name)) {
    if (!track.once) {
      throw SystemError(
          fmt::format("{} is not a `once` sequence, so it is never spent (`once` sequences: {})", name,
                      listed(decompile(live.ruleset))));
    }
    edges.push_back(track.edges.back().id);
  }
  return edges;
}

}  // namespace

void save(Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  write_saved({wall_clock(), worth_keeping(read_gate(kernel))});
}

Report renew(const std::string& name, Execution execution, Kernel& kernel, const Settings& settings) {
  std::optional<Lock> lock;
  Report report;
  if (execution == Execution::apply) {
    lock.emplace(settings.lock_timeout);
    report = settle_pending("", kernel, settings);
  }
  Reading reading{read_gate(kernel), {}};
  Plan plan = plan_renewal(*reading.live, name, last_edges(*reading.live, name));
  if (execution == Execution::check) {
    add(report, report_of(plan));
    return report;
  }
  carry_out(std::move(plan), std::move(reading), {}, deed("renew", settings), report, kernel);
  // A saved state that still says "spent" would take the use away again.
  keep_state(kernel, report.warnings);
  return report;
}

}  // namespace knockwork
