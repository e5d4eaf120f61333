// What is wrong with a command line, in words that do not depend on CLI11's version.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

struct Misuse {
  std::string command = "knockwork";  // that the first words name
  std::string fault;
};

Misuse misuse(const CLI::ParseError& error, int argc, char** argv, const CLI::App& app);
