// What a revocation takes from a live table: grants, half-done knocks and connections. All pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "knockwork/kernel.hpp"
#include "program/connection.hpp"
#include "ruleset/live/entries.hpp"
#include "ruleset/transaction.hpp"

namespace knockwork {

struct Retirement {
  std::vector<Track> tracks;      // what is revoked is theirs
  bool all = false;               // or anybody's: of sequences that are gone as well
  std::optional<Network> source;  // only of these
  bool empty() const { return tracks.empty() && !all; }
};

// What `live` has and `wanted` has not, or otherwise: the retired sequences of an apply.
Retirement retired(const LiveTable& live, const Program& wanted);

// The connections of this host, and who works on it.
struct Traffic {
  std::vector<Flow> flows;
  std::set<Network> own;  // this host's: addresses, or networks that are local as a whole
  std::optional<Connection> operator_;
};

struct Revoked {
  std::vector<ForgetElements> elements;
  std::vector<CarryElements> severed;           // sources and services, or services alone where too many
  std::vector<CarryElements> severed_services;  // the services alone: it needs less room
  std::vector<CarryElements> spared;            // connections that go on
  bool for_all = false;                         // `severed` has services alone
  std::vector<Flow> flows;                      // that end
  std::vector<Admission> ended;
  std::map<Network, int> cut;  // how many connections of a source end
  bool spared_operator = false;

  bool empty() const { return elements.empty() && flows.empty(); }
};

// `stays` is whose always_allow counts on, and whose grants do where they are not revoked.
Revoked revoked(const LiveTable& live, const Retirement& what, const Program& stays, const Traffic& traffic);

// One element severs a source from a service; `by_service` severs a service from everybody who
// holds no grant for it, where there is no room for the sources.
enum class Severing { by_source, by_service };

// Adds it to a transaction after which the table is `target`.
void add(Transaction& transaction, const Revoked& revoked, Severing severing, const Ruleset& target);

// Out of what was kept of a table with that ruleset; whether there was anything.
bool forget(LiveSets& sets, const Ruleset& ruleset, const Retirement& what);

}  // namespace knockwork
