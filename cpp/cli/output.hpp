// What reaches the terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Throws knockwork::SystemError where standard output takes no more (a full disk).
void print(std::string_view text);

// The same with additions green, changes yellow and removals red, on a terminal
// that has not said NO_COLOR (https://no-color.org).
void print_coloured(std::string_view text);

void print_error(std::string_view text);
void warn(std::string_view text);

std::string standard_input();

// "2026-01-31T12:00:00Z"; nothing where the text is empty. Throws knockwork::SystemError.
std::optional<std::chrono::milliseconds> time_argument(const std::string& text);

// "30s" or "500ms" in milliseconds. Throws knockwork::SystemError.
std::int64_t seconds_argument(std::string_view text);
