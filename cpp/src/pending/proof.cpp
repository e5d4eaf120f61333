#include "pending/proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ruleset/decompile/program_of.hpp"
#include "ruleset/live/entries.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;
using Counts = std::map<EdgeId, std::uint64_t>;

// Whether a knock so long ago, or later, can have given the grant. What is left of it says so: its timeout
// may be that of an earlier grant, by hand or before the declaration changed.
bool is_young(const Admission& grant, const Track& track, milliseconds ago) {
  const Duration longest = track.prolong ? renewed_for(track.open_for) : track.open_for;
  return grant.expires <= milliseconds(longest.milliseconds()) &&
         milliseconds(track.open_for.milliseconds()) - grant.expires < ago;
}

// Whether somebody knocked by the sequence since the note was written: what use renews (`prolong`) and what
// is granted by hand is young as well, and not counted. Of a sequence for which the table had no counter
// left, a grant that use does not renew is believed.
bool is_counted(const Track& track, const Counts& before, const Counts& now) {
  const EdgeId last = track.edges.back().id;
  const auto count = now.find(last);
  if (count == now.end()) return !track.prolong;
  const auto earlier = before.find(last);
  return earlier == before.end() || earlier->second != count->second;
}

// A knock since the commit, by a sequence that stands in the table.
bool has_young_grant(const Pending& pending, const LiveTable& live, const Program& program,
                     const Connection& connection, milliseconds awake) {
  if (!pending.committed) return false;
  const Counts before = counted_grants(pending.grants.sets), now = counted_grants(live.live);
  const std::vector<Admission> all = admissions_of(live, program, connection);
  return std::any_of(all.begin(), all.end(), [&](const Admission& each) {
    const Track& track = *track_of(program, each.edge);
    return is_young(each, track, awake - pending.committed_awake) && is_counted(track, before, now);
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
