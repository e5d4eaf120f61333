// What packets have put into the live table, as values, and what puts the same there for them.
//
// Only this room and its neighbours in ruleset/ know which set holds what, and how its keys are written.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "program/connection.hpp"
#include "ruleset/transaction.hpp"

namespace knockwork {

// A source that came in by the sequence with that last edge.
struct Admission {
  Network source;
  EdgeId edge = 0;
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds expires{0};
  auto operator<=>(const Admission&) const = default;
};

struct LockedSource {
  Network source;
  std::chrono::milliseconds expires{0};
};

// All pure.
std::vector<Admission> admissions(const LiveTable& live);
// The same, as long as a service of theirs is open: a later grant by another sequence may have shortened it.
std::vector<Admission> open_admissions(const LiveTable& live, const Program& program);
// The last edges of the sequences whose grants packets can end before their time: by a sequence that closes
// them, by the last of their connections, or by a shorter grant of another sequence.
std::set<EdgeId> ended_by_packets(const Program& program);
// A source may be locked out twice, by a wrong knock and as a stray: the longer one counts.
std::vector<LockedSource> lockouts(const LiveTable& live);
// Sources in the middle of a sequence by which they are not in: steps stay expected for their time.
std::size_t half_done(const LiveTable& live, const Program& program);
std::set<EdgeId> spent(const LiveTable& live);
// By the last edge of a sequence, since the table has it.
std::map<EdgeId, std::uint64_t> counted_grants(const LiveSets& sets);

// The sequence with that last edge; null where there is none.
const Track* track_of(const Program& program, EdgeId last);

// Whether the sets say that the client may come in again now.
bool holds_grant(const LiveSets& sets, const Program& program, const Connection& connection);
// By what it may: its source's admissions by sequences that open the port on this host.
std::vector<Admission> admissions_of(const LiveTable& live, const Program& program,
                                     const Connection& connection);

// Where a grant for the service stands: the set without its family, and the key without its source.
struct GrantKey {
  std::string set;   // "granted"
  std::string tail;  // " . 6 . 22"
};
GrantKey grant_key(const Track& track, const Service& service);
// Of all its services, and of the connections that a grant lets in.
std::vector<GrantKey> grant_keys(const Track& track);

// Lets sources in by a sequence, as its last knock would; but for what stands for as long already.
Transaction admit(const LiveTable& live, const Track& track, const std::vector<Network>& sources,
                  std::chrono::milliseconds until);
// Gives those of the sequences with these last edges that are spent their use back.
Transaction renew_uses(const LiveTable& live, const std::vector<EdgeId>& edges);

}  // namespace knockwork
