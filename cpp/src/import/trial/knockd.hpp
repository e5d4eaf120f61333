// Debian's knockd on its own: in a network namespace that holds nothing but a loopback interface.
#pragma once

#include <string>
#include <vector>

#include "import/knockd.hpp"
#include "import/trial/tries.hpp"

namespace knockwork {

// For each door and try of it, whether knockd opened to each of both sources. Its commands are replaced.
// Throws SystemError.
std::vector<std::vector<std::vector<bool>>> opened_by_knockd(const std::vector<KnockdDoor>& doors,
                                                             const std::vector<std::vector<Try>>& tries);

}  // namespace knockwork
