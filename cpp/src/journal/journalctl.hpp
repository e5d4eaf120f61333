// What journalctl(1) finds in the journal.
#pragma once

#include <string>
#include <vector>

namespace knockwork::journal {

// An entry to a line, as `--output=json` prints them, the oldest first. Only what root wrote: anybody else
// may write entries of any name. `since` is as journalctl takes it, and so may be empty; `most` of 0 is all.
// Throws SystemError where there is no journalctl or where it fails.
std::string entries(const std::vector<std::string>& matches, const std::string& since, std::size_t most);

}  // namespace knockwork::journal
