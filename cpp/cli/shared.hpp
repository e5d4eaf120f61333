// What several commands share: options that are declared once, the settings made of them, and how a
// report is shown.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "knockwork/knockwork.hpp"

// Exit statuses, as terraform and ansible have them.
inline constexpr int kFine = 0;
inline constexpr int kError = 1;
inline constexpr int kWouldChange = 2;  // only plan and drift, with --detailed-exitcode
inline constexpr int kNoGate = 3;       // only status, where something is declared
inline constexpr int kRefused = 3;      // knock and connect: it answered, closed
inline constexpr int kUnreachable = 4;  // knock and connect: no answer, no way, no such host

// What the shared options say; the arguments of a command begin with it.
struct Common {
  std::string file = knockwork::kDefaultDeclaration;
  bool json = false;
  bool reveal = false;
  bool check = false;
  bool diff = false;
  bool allow_absent = false;
  std::chrono::milliseconds lock_timeout{30000};
};

enum class Shared { file, json, reveal, reveal_lines, check, diff, lock_timeout, allow_absent };
using SharedOptions = std::initializer_list<Shared>;

// An option that takes a time as declarations have it: `30s`, `1m30s`, `0`.
CLI::Option* add_time(CLI::App* sub, const std::string& name, std::chrono::milliseconds& value,
                      const std::string& what);
CLI::Option* add_time(CLI::App* sub, const std::string& name, std::optional<std::chrono::milliseconds>& value,
                      const std::string& what);

// An option that takes a whole number, as it is written by hand: no sign, no base, no overflow.
CLI::Option* add_number(CLI::App* sub, const std::string& name, std::uint64_t& value,
                        const std::string& what);
CLI::Option* add_number(CLI::App* sub, const std::string& name, std::optional<std::uint64_t>& value,
                        const std::string& what);

// The option or argument that was given without a value, as by "$variable" of a shell that has none: to leave
// it out would mean something else. Empty where there is none.
std::string given_empty(const CLI::App& app);
// The same before anything is parsed: of a word as `--file=`, CLI11 would take the next one as the value.
std::string given_empty(int argc, char** argv);

knockwork::Settings settings(const Common& common);
knockwork::Execution execution(const Common& common);

// Warnings, then what changed or would, in the words of to_text() or in those given; with nothing changed
// `unchanged`, where it is given. Always 0.
int show(const knockwork::Report& report, const Common& common, knockwork::Execution execution,
         const std::string& unchanged = "", const std::string& text = "");
