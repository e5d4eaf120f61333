// Why a kernel refuses a script that is right: one of its modules may be missing, and what it says
// then names neither the module nor the expression.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace knockwork {

// Whether the kernel would take a script for nft; nothing of it is to stay.
using Takes = std::function<bool(const std::string& script)>;

// What the script uses and this kernel lacks, with the modules to load. Empty where it lacks nothing of
// it, and where it takes no table at all.
std::string missing_features(std::string_view script, const Takes& takes);

}  // namespace knockwork
