#include "describe.hpp"

#include <fmt/format.h>

#include "commands.hpp"

namespace {

enum class Given { by_name, by_place };

std::vector<const CLI::Option*> options(const CLI::App& app, Given given) {
  return app.get_options([given](const CLI::Option* option) {
    return option->get_positional() == (given == Given::by_place) && !option->get_group().empty();
  });
}

struct DescribeArguments {
  const CLI::App* app = nullptr;
  std::string shell;
};

int run_completion(const DescribeArguments& arguments) {
  print(arguments.shell == "bash"  ? bash_completion(*arguments.app)
        : arguments.shell == "zsh" ? zsh_completion(*arguments.app)
                                   : fish_completion(*arguments.app));
  return kFine;
}

int run_manual(const DescribeArguments& arguments) {
  print(manual_page(*arguments.app));
  return kFine;
}

}  // namespace

std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::vector<const CLI::Option*> shown_options(const CLI::App& app) { return options(app, Given::by_name); }

std::vector<const CLI::Option*> shown_arguments(const CLI::App& app) { return options(app, Given::by_place); }

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string spelling(const CLI::Option& option, const std::string& between) {
  std::string text;
  const auto add = [&](const char* dashes, const std::string& name) {
    text += fmt::format("{}{}{}", text.empty() ? "" : between, dashes, name);
  };
  for (const std::string& name : option.get_snames()) add("-", name);
  for (const std::string& name : option.get_lnames()) add("--", name);
  return text;
}

void add_help_commands(Commands& commands) {
  const auto arguments = std::make_shared<DescribeArguments>();
  arguments->app = &commands.app();
  commands.add("completion", "Print a shell completion script for this command", arguments, run_completion)
      ->add_option("SHELL", arguments->shell, "bash, zsh or fish")
      ->required()
      ->check([](const std::string& shell) {
        return shell == "bash" || shell == "zsh" || shell == "fish" ? ""
                                                                    : shell + " is not bash, zsh or fish";
      });
  commands.add("man", "Print the man page", arguments, run_manual)->group("");  // for packages
}
