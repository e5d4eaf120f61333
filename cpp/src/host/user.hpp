// What belongs to whoever runs knockwork, rather than to this host.
#pragma once

#include <filesystem>

namespace knockwork {

// `~/.config/knockwork`. Throws SystemError where there is no home.
std::filesystem::path user_folder();

// `~/.local/state/knockwork`, or that of XDG_STATE_HOME. Throws SystemError where there is neither.
std::filesystem::path state_folder();

}  // namespace knockwork
