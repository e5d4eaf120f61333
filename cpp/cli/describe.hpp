// What the command line can do, described in other languages than --help: a manual page and the
// completions of shells. All is read from the commands' own options, so that nothing is said twice.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

// The page knockwork(1), in man(7)'s language.
std::string manual_page(const CLI::App& app);

// The scripts that a shell completes by.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

// Commands and options that are meant for people, in the order in which they were added.
std::vector<const CLI::App*> shown_commands(const CLI::App& app);
std::vector<const CLI::Option*> shown_options(const CLI::App& app);    // with their dashes
std::vector<const CLI::Option*> shown_arguments(const CLI::App& app);  // by their place
bool takes_value(const CLI::Option& option);
// As "--json", or as "-h, --help".
std::string spelling(const CLI::Option& option, const std::string& between);
