// Who else may write or read the files of a declaration. Whoever may write them decides who comes in.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork {

struct Trust {
  std::vector<std::string> faults;    // others may write: nothing is applied from it
  std::vector<std::string> warnings;  // others may read
};

// The main file, conf.d and its drop-ins, and the folders that hold them; of symbolic links what they
// lead to as well. What is not there is not judged.
Trust judge_declaration(const std::filesystem::path& file);

// One file and the folder that holds it.
Trust judge_file(const std::filesystem::path& file);

// As read_declaration(), whoever may write it: to look at, not to apply.
std::vector<Source> read_any_declaration(const std::filesystem::path& file);

// The most that is read of anything, in bytes.
inline constexpr std::size_t kLargestInput = 256U << 20;

// Throws SystemError, with the input's name.
void refuse_if_too_large(const std::string& text, const std::string& name);

// A list of packets for trace(). Throws SystemError where it is no regular file, or too large.
std::string read_packets(const std::filesystem::path& file);

// Throws SystemError with the faults.
void refuse_untrusted(const Trust& trust);

}  // namespace knockwork
