// What the commands read: files and times that the command line names, and standard input.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/knockwork.hpp"

// "2026-01-31T12:00:00Z"; nothing where the text is empty. Throws SystemError.
std::optional<std::chrono::milliseconds> time_argument(const std::string& text);
// To its end. Throws SystemError.
std::string standard_input();
// What a text calls a file that is named on the command line; `-` is standard input.
std::string shown_name(const std::string& file);

// "-" reads the declaration from standard input; drop-ins belong to files only. To apply, it is refused
// where others may write it; to look at, that is a warning, as it is that others may read it.
enum class For { looking, applying };
std::vector<knockwork::Source> sources(const std::string& file, For what = For::looking);
