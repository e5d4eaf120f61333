// Between the commit of a table and its record as the last good gate: /run/knockwork/in_doubt. What is there
// after a crash or on a full disk says that the record may be older than the table.
#pragma once

#include <optional>
#include <string>

namespace knockwork {

// Before the commit; `digest` is that of the ruleset to come, empty for none. Lost where it cannot be
// written: no gate is refused for that.
void note_in_doubt(const std::string& digest);
// Once the record is right.
void forget_in_doubt();
std::optional<std::string> in_doubt();

}  // namespace knockwork
