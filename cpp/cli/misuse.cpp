#include "misuse.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "knockwork/words.hpp"

namespace {

using knockwork::nearest;

// The commands of a group that are for people.
std::vector<std::string> names(const CLI::App& group) {
  std::vector<std::string> all;
  for (const CLI::App* each : group.get_subcommands([](const CLI::App*) { return true; })) {
    if (!each->get_group().empty()) all.push_back(each->get_name());
  }
  return all;
}

std::optional<std::string_view> meant(std::string_view word, const std::vector<std::string>& known) {
  return nearest(word, {known.begin(), known.end()});
}

std::string unknown_command(const std::string& command, std::string_view word, const CLI::App& group) {
  const std::vector<std::string> known = names(group);
  const auto near = meant(word, known);
  return fmt::format(
      "`{}` has no command `{}`; {}", command, word,
      near ? fmt::format("did you mean `{}`?", *near) : fmt::format("it has {}", fmt::join(known, ", ")));
}

std::string unknown_option(const std::string& command, std::string_view word, const CLI::App& app) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const auto near = meant(word, known);
  return fmt::format("`{}` has no option `{}`{}", command, word,
                     near ? fmt::format("; did you mean `{}`?", *near) : "");
}

// The first word that no option or argument takes; CLI11 has them in another order.
std::string left_over(const std::string& command, int argc, char** argv, const CLI::App& top,
                      const CLI::App& app) {
  const std::vector<std::string> left = top.remaining(true);
  for (int at = 1; at < argc; ++at) {
    const std::string_view word = argv[at];
    const auto is_it = [&](const std::string& each) { return each == word; };
    if (std::none_of(left.begin(), left.end(), is_it)) continue;
    if (word.starts_with('-')) return unknown_option(command, word.substr(0, word.find('=')), app);
    return fmt::format("`{}` does not take the argument `{}`", command, word);
  }
  return fmt::format("`{}` does not take all of its arguments", command);
}

// "--lock-timeout: 1 required TEXT missing", as 2.3 says it; it says as much of an option that is given
// twice.
std::string lacks_value(const CLI::ParseError& error, int argc, char** argv) {
  const std::string_view said = error.what();
  const std::string_view option = said.substr(0, said.find_first_of(": "));
  const auto times = std::count_if(argv, argv + argc, [&](std::string_view word) {
    return word.starts_with(option) && (word.size() == option.size() || word[option.size()] == '=');
  });
  return fmt::format("{} {}", option, times > 1 ? "is given more than once" : "needs a value");
}

}  // namespace

Misuse misuse(const CLI::ParseError& error, int argc, char** argv, const CLI::App& app) {
  Misuse found;
  const CLI::App* group = &app;
  int at = 1;
  for (; at < argc && argv[at][0] != '-' && !names(*group).empty(); ++at) {
    const std::string_view word = argv[at];
    const auto named = group->get_subcommands([&](const CLI::App* each) { return each->get_name() == word; });
    if (named.empty()) {
      found.fault = unknown_command(found.command, word, *group);
      return found;
    }
    group = named.front();
    found.command += fmt::format(" {}", word);
  }
  if (!names(*group).empty()) {
    found.fault =
        at < argc ? unknown_option(found.command, argv[at], *group)
                  : fmt::format("`{}` needs a command: {}", found.command, fmt::join(names(*group), ", "));
  } else if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    found.fault = left_over(found.command, argc, argv, app, *group);
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    found.fault = lacks_value(error, argc, argv);
  } else {
    found.fault = error.what();
  }
  return found;
}
