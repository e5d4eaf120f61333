// docs/clients/knock.sh, which sends one token.
#pragma once

#include <string_view>

namespace knockwork {

std::string_view knock_sh();

}  // namespace knockwork
