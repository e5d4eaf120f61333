// When grants end: the kernel tells when one begins, and nothing when it is over.
//
// Pure; time is that of a clock that nobody sets.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "ruleset/live/entries.hpp"

namespace knockwork {

class GrantEnds {
 public:
  using Time = std::chrono::milliseconds;
  using Grant = std::pair<Network, EdgeId>;

  // The latest grant's time counts, as in the kernel.
  void begin(const Grant& grant, Time end) { ends_[grant] = end; }
  // What the table has at `now`. Returns those that it has no more, although their time is not over.
  std::vector<Grant> compare(const std::vector<Admission>& there, Time now);
  // Those that ended until `now`.
  std::vector<Grant> due(Time now) const;
  // The same, in the order of their ends, each once.
  std::vector<std::pair<Grant, Time>> ended(Time now);
  // Whether one stands that a sequence with one of these last edges made.
  bool has_one_of(const std::set<EdgeId>& edges) const;
  // When the next one ends.
  std::optional<Time> next() const;

 private:
  std::map<Grant, Time> ends_;
};

}  // namespace knockwork
