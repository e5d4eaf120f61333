#include "grants/revoke.hpp"

#include <fmt/format.h>

#include "commit/carry_out.hpp"
#include "grants/named.hpp"
#include "host/addresses.hpp"
#include "host/clocks.hpp"
#include "host/files.hpp"
#include "host/lock.hpp"
#include "records/state.hpp"
#include "ruleset/decompile/program_of.hpp"

namespace knockwork {
namespace {

Retirement retirement(const Revocation& what, const LiveTable& live) {
  Retirement retirement;
  if (!what.source.empty()) retirement.source = source_argument(what.source);
  if (what.sequence.empty()) {
    retirement.all = true;
  } else {
    retirement.tracks = tracks_named(live, what.sequence);
  }
  return retirement;
}

}  // namespace

Traffic traffic_of(Kernel& kernel, const Settings& settings) {
  return {kernel.flows(), own_addresses(), parse_connection(settings.ssh_connection)};
}

void revoke_until_none_is_left(const Retirement& what, const Program& stays, Report& report, Kernel& kernel,
                               const Settings& settings) {
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    Reading reading{read_gate(kernel), {}};
    Plan plan = plan_revocation(*reading.live, what, stays, traffic_of(kernel, settings));
    if (plan.empty()) return add(report, report_of(plan));
    carry_out(std::move(plan), std::move(reading), {}, deed("revoke", settings), report, kernel);
  }
}

void keep_state(Kernel& kernel, std::vector<std::string>& warnings) {
  try {
    write_saved({wall_clock(), worth_keeping(read_gate(kernel))});
  } catch (const SystemError& error) {
    warnings.push_back(fmt::format("if the table is lost, this is forgotten: {}", after_a_change(error)));
  }
}

Report revoke(const Revocation& what, Execution execution, Kernel& kernel, const Settings& settings) {
  std::optional<Lock> lock;
  if (execution == Execution::apply) lock.emplace(settings.lock_timeout);
  const LiveTable live = read_gate(kernel);
  const Retirement theirs = retirement(what, live);
  const Program program = program_of(live.ruleset);
  Report report;
  if (execution == Execution::check) {
    report = report_of(plan_revocation(live, theirs, program, traffic_of(kernel, settings)));
  } else {
    revoke_until_none_is_left(theirs, program, report, kernel, settings);
    if (report.changed) keep_state(kernel, report.warnings);
  }
  return report;
}

}  // namespace knockwork
