// Other programs, run for what they print.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace knockwork {

// Runs a program, found on PATH, to its end, with `input` on its standard input; its errors go where ours go.
// Returns its standard output. Throws SystemError where it cannot be run or fails.
std::string output_of(std::vector<std::string> words, std::string_view input = "");

}  // namespace knockwork
