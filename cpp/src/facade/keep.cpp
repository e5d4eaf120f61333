// Saving what packets have made, and giving a spent sequence its use back.
#include <fmt/format.h>

#include <algorithm>

#include "facade/lock.hpp"
#include "facade/revert.hpp"
#include "facade/state.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"

namespace knockwork {
namespace {

constexpr const char* kSpent = "spent";

std::string listed(const std::vector<Track>& tracks) {
  std::string names;
  for (const Track& track : tracks) {
    if (track.once) names += (names.empty() ? "" : ", ") + track.name;
  }
  return names.empty() ? "none is" : names;
}

// The number by which the kernel knows the sequence's last knock.
std::string edge_of(const LiveTable& live, const std::string& name) {
  const std::vector<Track> tracks = decompile(live.ruleset);
  const auto track =
      std::find_if(tracks.begin(), tracks.end(), [&](const Track& each) { return each.name == name; });
  if (track == tracks.end()) {
    throw SystemError(fmt::format("the live table has no sequence {}: see `knockwork status`", name));
  }
  if (!track->once) {
    throw SystemError(fmt::format("{} is not a `once` sequence, so it is never spent (those that are: {})",
                                  name, listed(tracks)));
  }
  return edge_key(track->edges.back().id);
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
  const std::string edge = edge_of(live, name);
  const auto spent = live.live.find(kSpent);
  const bool renews = spent != live.live.end() &&
                      std::any_of(spent->second.begin(), spent->second.end(),
                                  [&](const LiveElement& element) { return element.key == edge; });
  if (!renews) return report;
  report.changed = true;
  report.changes.push_back({Change::Kind::change, "sequence", name, "spent", "to be used once", "renewed"});
  if (execution == Execution::check) return report;
  kernel.commit({{ForgetElements{kSpent, {edge}}}});
  // A saved state that still says "spent" would take the use away again.
  std::vector<std::string> damaged;  // what is, may still say so tomorrow: written anew as well
  if (read_saved(damaged) || !damaged.empty()) write_saved(worth_saving(read_gate(kernel), wall_clock()));
  return report;
}

}  // namespace knockwork
