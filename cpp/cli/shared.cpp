#include "shared.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "commands.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "output.hpp"

using namespace knockwork;
using std::chrono::milliseconds;

namespace {

std::string written(milliseconds time) { return to_string(Duration::milliseconds(time.count())); }

std::uint64_t whole_number(const std::string& text, const std::string& name) {
  constexpr std::size_t kMostDigits = 15;
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || text.size() > kMostDigits) {
    throw SystemError(fmt::format("{}: \"{}\" is not a whole number: write digits only, at most {}", name,
                                  text, kMostDigits));
  }
  return std::stoull(text);
}

}  // namespace

CLI::Option* add_time(CLI::App* sub, const std::string& name, std::optional<milliseconds>& value,
                      const std::string& what) {
  return sub->add_option_function<std::string>(
      name, [name, &value](const std::string& text) { value = parse_span(text, name); }, what);
}

CLI::Option* add_time(CLI::App* sub, const std::string& name, milliseconds& value, const std::string& what) {
  return sub
      ->add_option_function<std::string>(
          name, [name, &value](const std::string& text) { value = parse_span(text, name); }, what)
      ->default_str(written(value));
}

CLI::Option* add_number(CLI::App* sub, const std::string& name, std::optional<std::uint64_t>& value,
                        const std::string& what) {
  return sub->add_option_function<std::string>(
      name, [name, &value](const std::string& text) { value = whole_number(text, name); }, what);
}

CLI::Option* add_number(CLI::App* sub, const std::string& name, std::uint64_t& value,
                        const std::string& what) {
  return sub
      ->add_option_function<std::string>(
          name, [name, &value](const std::string& text) { value = whole_number(text, name); }, what)
      ->type_name("NUMBER");
}

void Commands::share(CLI::App* sub, Common& common, SharedOptions which) {
  for (const Shared option : which) share(sub, common, option);
}

void Commands::share(CLI::App* sub, Common& common, Shared option) {
  switch (option) {
    case Shared::file:
      sub->add_option("FILE", common.file,
                      "the declaration; includes conf.d/*.yml next to it; - for standard input")
          ->capture_default_str();
      break;
    case Shared::json:
      add_json(sub, common.json);
      break;
    case Shared::reveal:
      sub->add_flag_callback(
          "--reveal", [&chosen = chosen_, &common] { chosen.reveal = common.reveal = true; },
          "show ports instead of fingerprints, and show faulty lines");
      break;
    case Shared::reveal_lines:
      sub->add_flag("--reveal", chosen_.reveal, "show faulty lines (they contain ports), even in a pipe");
      break;
    case Shared::check:
      sub->add_flag("--check", common.check, "show what would change, and change nothing");
      break;
    case Shared::diff:
      sub->add_flag("--diff", common.diff, "show every change, before and after");
      break;
    case Shared::lock_timeout:
      add_time(sub, "--lock-timeout", common.lock_timeout,
               "how long to wait for another knockwork to finish");
      break;
    case Shared::allow_absent:
      sub->add_flag("--allow-absent", common.allow_absent,
                    "proceed even if none of the declared interfaces exists yet");
      break;
  }
}

std::string given_empty(int argc, char** argv) {
  for (int at = 1; at < argc && argv[at] != std::string_view("--"); ++at) {
    const std::string_view word = argv[at];
    if (word.starts_with("--") && word.find('=') + 1 == word.size())
      return std::string(word, 0, word.size() - 1);
  }
  return "";
}

std::string given_empty(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string>& words = option->results();
    if (std::find(words.begin(), words.end(), "") != words.end()) return option->get_name();
  }
  for (const CLI::App* command : app.get_subcommands()) {
    if (std::string name = given_empty(*command); !name.empty()) return name;
  }
  return "";
}

Settings settings(const Common& common) {
  Settings settings;
  settings.ports = common.reveal ? Ports::revealed : Ports::hidden;
  settings.lock_timeout = common.lock_timeout;
  settings.ssh_connection = operator_connection();
  if (common.allow_absent) settings.absent = Absent::allowed;
  return settings;
}

Execution execution(const Common& common) { return common.check ? Execution::check : Execution::apply; }

namespace {

void print_report(const Report& report, const Common& common, Execution execution,
                  const std::string& unchanged, const std::string& text) {
  if (common.json) {
    print(to_json(report) + '\n');
  } else if (!report.changed && !unchanged.empty()) {
    print(unchanged);
  } else {
    print_coloured(text.empty() ? to_text(report, execution) : text);
    if (common.diff && report.changed) print_coloured('\n' + to_diff(report));
  }
}

}  // namespace

int show(const Report& report, const Common& common, Execution execution, const std::string& unchanged,
         const std::string& text) {
  for (const std::string& warning : report.warnings) warn(warning);
  const auto print_all = [&] { print_report(report, common, execution, unchanged, text); };
  if (execution == Execution::check || !report.changed) return print_all(), kFine;
  try {
    print_all();
  } catch (const OutputLost& error) {
    throw OutputLost(fmt::format("{}, but the change was made", error.what()));
  }
  return kFine;
}
