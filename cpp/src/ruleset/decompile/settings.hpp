// What a ruleset says of the settings that it was compiled from, in a report's words. Ports are counted, not
// shown. An empty value: the ruleset does not say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ruleset/objects.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

struct LiveSetting {
  std::string_view name;
  std::string value;
  Cause cause;  // what else differs with it
};

// The same names in the same order for every ruleset.
std::vector<LiveSetting> settings_of(const Ruleset& ruleset);

// `guards`: automatic ones follow from the sequences, so a difference counts only where those are alike.
LiveSetting guards_of(const Ruleset& ruleset);

// "mode gate, wrong_knock ignore": of a table that is new as a whole.
std::string in_short(const Ruleset& ruleset);

}  // namespace knockwork
