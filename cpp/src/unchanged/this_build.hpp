// Which build of ours runs, for notes that only the same build may believe.
#pragma once

#include <string>

namespace knockwork {

// The build id that the linker gave the command or module, in hexadecimal; empty where it gave none.
std::string this_build();

}  // namespace knockwork
