// What packets have made, kept over a reboot: grants and spent uses.
//
// Nothing comes back that was not there: a grant has at most the time that it had
// left, less what the clock says has passed; where the clock went back it has none.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "ruleset/live/kept.hpp"

namespace knockwork {

struct Saved {
  std::chrono::milliseconds at{0};  // since the epoch, by the host's clock
  LiveSets sets;
  bool operator==(const Saved&) const = default;
};

std::string to_json(const Saved& saved);
// Throws SystemError where the text is not such a state.
Saved parse_saved(const std::string& text);

// /var/lib/knockwork/state.json. Throws SystemError.
void write_saved(const Saved& saved);
std::optional<Saved> read_saved();
// The same, but what is damaged is nothing, and a warning.
std::optional<Saved> read_saved(std::vector<std::string>& warnings);

// One warning where something was left out.
void warn_of_refused(const Restored& restored, std::vector<std::string>& warnings);

}  // namespace knockwork
