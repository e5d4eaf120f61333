// Reads from files alone whether systemd will bring the gate up at the next boot:
// status is asked where no systemctl can be run.
#pragma once

#include <filesystem>

#include "knockwork/boot.hpp"

namespace knockwork {

// `root` stands for "/". Looks at no namespace: that is up to boot().
Boot boot_below(const std::filesystem::path& root);

}  // namespace knockwork
