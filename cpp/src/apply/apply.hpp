// apply() for those who hold the lock already, because more than the table changes.
#pragma once

#include "apply/other_firewalls.hpp"
#include "host/lock.hpp"
#include "knockwork/knockwork.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

Report apply(const Spec& spec, const Lock& lock, Kernel& kernel, const Settings& settings);

// What the table is made for: the command, for the audit log, and a digest of the declaration, whatever the
// epoch, where it waits for a confirmation.
struct Purpose {
  std::string_view command;
  std::string declared;
  bool recorded = false;  // it becomes the last good gate
};

// Makes the table what is wanted, and adds to the report. For who holds the lock, and has the digest of what
// is wanted.
void converge(const Wanted& wanted, const std::string& wanted_digest, const Purpose& purpose, Report& done,
              Kernel& kernel, const Settings& settings);
// What that would change.
Report plan(const Wanted& wanted, Kernel& kernel, const Settings& settings);

// Whether the gate was removed in this boot and nobody has applied one since: nothing that runs unattended
// brings it back.
bool stays_removed(Kernel& kernel);
Report left_removed();

// Loads it where the declaration cannot be (last_good.hpp). Throws SystemError.
void add_stand_in(const Ruleset& ruleset, Report& report, Kernel& kernel, const Settings& settings);

}  // namespace knockwork
