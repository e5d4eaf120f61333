// What becomes of the elements that packets made when the table changes: forgotten with their edge, called
// by another name, or carried into a set that is made anew.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ruleset/live/edges.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

class Carrier {
 public:
  explicit Carrier(const Ruleset& wanted);

  // Of an edge that is no more: a half-done knock, a use of a `once` sequence.
  bool is_retired(std::string_view set, const LiveElement& element) const;
  // Sources have another name where a prefix is shorter than before.
  std::string renamed(std::string_view set, const std::string& key) const;
  // The elements of a set by their new names; of those that become one the longest time counts.
  std::vector<LiveElement> renamed(const std::string& set, const std::vector<LiveElement>& elements) const;
  // What goes over into a set made anew.
  std::vector<LiveElement> carried(const Set& live, const Set& wanted,
                                   const std::vector<LiveElement>& elements) const;
  // What a set holds from the beginning although packets fill it.
  static std::vector<LiveElement> initial(std::string_view set);

 private:
  std::string renamed_source(std::string_view set, const std::string& key) const;
  EdgeKeys edges_, once_;      // that are wanted; last ones of `once` sequences
  std::optional<int> prefix_;  // of IPv6 sources
  int prefix4_;                // of IPv4 sources
};

}  // namespace knockwork
