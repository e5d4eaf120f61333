// The ssh session of who runs knockwork.
#pragma once

#include <string>

namespace knockwork {

// The value of SSH_CONNECTION of this process, or of the nearest ancestor that
// has one (sudo keeps it from its child). Empty where nobody came by ssh.
std::string operator_connection();

}  // namespace knockwork
