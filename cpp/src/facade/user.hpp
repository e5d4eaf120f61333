// What belongs to whoever runs knockwork, rather than to this host.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace knockwork {

// `~/.config/knockwork`. Throws SystemError where there is no home.
std::filesystem::path user_folder();

// Like a host's fingerprints, with a key of the user's own, made at first use in user_folder().
// Throws SystemError.
std::string user_fingerprint(std::string_view text);

}  // namespace knockwork
