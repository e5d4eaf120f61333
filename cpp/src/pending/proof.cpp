#include "pending/proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ruleset/decompile/program_of.hpp"
#include "ruleset/live/entries.hpp"

namespace knockwork {
namespace {

using Counts = std::map<EdgeId, std::uint64_t>;

// Whether somebody knocked by the sequence with that last edge since the note was written: what use renews
// (`prolong`) and what is granted by hand is young as well, and not counted. Of a sequence for which the
// table had no counter left, a grant that use does not renew is believed.
bool is_counted(EdgeId last, const Counts& before, const Counts& now, const Program& program) {
  const auto count = now.find(last);
  if (count == now.end()) return !track_of(program, last)->prolong;
  const auto earlier = before.find(last);
  return earlier == before.end() || earlier->second != count->second;
}

// A knock since the commit, by a sequence that stands in the table.
bool has_young_grant(const Pending& pending, const LiveTable& live, const Program& program,
                     const Connection& connection, std::chrono::milliseconds awake) {
  if (!pending.committed) return false;
  const Counts before = counted_grants(pending.grants.sets), now = counted_grants(live.live);
  const std::vector<Admission> all = admissions_of(live, program, connection);
  return std::any_of(all.begin(), all.end(), [&](const Admission& each) {
    return each.timeout - each.expires < awake - pending.committed_awake &&
           is_counted(each.edge, before, now, program);
  });
}

}  // namespace

std::optional<std::string> missing_proof(const Pending& pending, const LiveTable& live,
                                         const Evidence& evidence) {
  const auto connection = parse_connection(evidence.ssh_connection);
  if (!connection) return std::nullopt;
  const Program program = program_of(live.ruleset);
  if (!must_knock(program, *connection)) return std::nullopt;
  if (has_young_grant(pending, live, program, *connection, evidence.awake)) return std::nullopt;
  // Who holds no grant and is in by a new connection needs none: an interface that is not protected.
  const bool granted =
      holds_grant(live.live, program, *connection) || holds_grant(pending.grants.sets, program, *connection);
  const bool anew =
      pending.committed && evidence.session_began && *evidence.session_began > *pending.committed;
  if (!granted && anew) return std::nullopt;
  return fmt::format(
      "{} has not connected since then: {}. Knock, reconnect and confirm over the new connection",
      to_string(connection->client),
      granted ? "an old grant proves nothing" : "an older connection proves nothing");
}

}  // namespace knockwork
