// What a revocation takes: grants, half-done knocks and connections. All pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "knockwork/kernel.hpp"
#include "plan/plan.hpp"
#include "records/state.hpp"
#include "undo/way_in.hpp"

namespace knockwork {

struct Retirement {
  std::vector<Track> tracks;      // what is taken back is theirs
  bool all = false;               // or anybody's: of sequences that are gone as well
  std::optional<Network> source;  // only of these
};

// Who the host is, and who works on it.
struct Surroundings {
  std::vector<Flow> flows;
  std::set<Network> own;  // this host's: addresses, or networks that are local as a whole
  std::optional<Connection> operator_;
};

struct Taken {
  std::vector<ForgetElements> elements;
  std::vector<CarryElements> severed;  // sources and services, as `severed4` and the like name them
  bool for_all = false;                // a service was severed for everybody without a grant
  std::vector<Flow> flows;
  std::vector<Change> changes;
  bool spared_operator = false;

  bool empty() const { return elements.empty() && flows.empty(); }
};

// One element severs a source from a service; `by_service` severs a service from everybody who
// holds no grant for it, where there is no room for the sources.
enum class Fit { by_source, by_service };

// `stays` is whose always_allow counts on, and whose grants do where they are not taken.
Taken taken(const LiveTable& live, const Retirement& what, const Program& stays,
            const Surroundings& surroundings, Fit fit = Fit::by_source);

// Adds it to a transaction after which the table is `goal`.
void take(Transaction& transaction, const Taken& taken, const Ruleset& goal);

// Out of what was saved of a table with that ruleset; whether there was anything.
bool forget(Saved& saved, const Ruleset& ruleset, const Retirement& what);

// Where a grant for the service stands: the set without its family, and the key without its source.
struct GrantKey {
  std::string set;   // "granted"
  std::string tail;  // " . 6 . 22"
};
GrantKey grant_key(const Track& track, const Service& service);

}  // namespace knockwork
