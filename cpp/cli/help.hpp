// Pages of --help: an example for each command, and no line wider than a terminal.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

// At most 80 columns; what goes on begins below its description.
std::string in_80_columns(std::string_view page);

// Below each command that is meant for people.
void add_examples(CLI::App& app);

// Of a command by its name with those of its groups, "derive host-key"; empty where there is none.
std::string_view example_of(std::string_view command);
