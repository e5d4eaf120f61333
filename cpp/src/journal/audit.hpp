// Who changed the gate: one entry of the journal for every change that is carried out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "knockwork/report.hpp"

namespace knockwork {

// What is done, and for whom.
struct Deed {
  std::string_view command;  // "apply"
  Asked asked = Asked::by_someone;
  std::string via;  // as Settings::via
  Ports ports = Ports::hidden;
};

Deed deed(std::string_view command, const Settings& settings);

// Fingerprints of the table before and after; both empty where it stayed what it was but for its elements.
struct Tables {
  std::string before;
  std::string after;
};

// Never names a port: where the changes do, it says no more than what changed. A change of many words is cut
// short, and what follows fifty changes is counted: no entry is too large for the journal. Returns a warning
// where a journal listens and does not take it; where none does, there is no log.
std::string audit(const Deed& deed, const std::vector<Change>& changes, const Tables& tables);

}  // namespace knockwork
