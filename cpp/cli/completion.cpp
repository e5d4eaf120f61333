#include <fmt/format.h>

#include <functional>

#include "describe.hpp"

namespace {

// Every command with its path, as " derive show"; the application's own is empty.
using Visit = std::function<void(const std::string& path, const CLI::App& command)>;

void each(const CLI::App& command, const std::string& path, const Visit& visit) {
  visit(path, command);
  for (const CLI::App* below : shown_commands(command)) each(*below, path + ' ' + below->get_name(), visit);
}

std::string replaced(std::string text, char what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, 1, by);
  return text;
}

// In single quotes, for bash and zsh.
std::string in_quotes(const std::string& text) { return '\'' + replaced(text, '\'', R"('\'')") + '\''; }

std::string in_fish(const std::string& text) {
  return '\'' + replaced(replaced(text, '\\', R"(\\)"), '\'', R"(\')") + '\'';
}

std::string path_patterns(const CLI::App& app) {
  std::string patterns;
  each(app, "", [&](const std::string& path, const CLI::App&) {
    if (!path.empty()) patterns += (patterns.empty() ? "" : " | ") + in_quotes(path);
  });
  return patterns;
}

// `name:description`, as zsh's _describe takes it.
std::string described(const std::string& name, const std::string& what) {
  return ' ' + in_quotes(name + ':' + replaced(what, ':', R"(\:)"));
}

std::string fish_condition(const std::string& path, const CLI::App& command) {
  std::string condition;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find(' ', at + 1), path.size());
    condition += (at == 0 ? "" : "; and ") + ("__fish_seen_subcommand_from" + path.substr(at, end - at));
    at = end;
  }
  std::string below;
  for (const CLI::App* each : shown_commands(command)) below += ' ' + each->get_name();
  if (path.empty()) return "__fish_use_subcommand";
  return below.empty() ? condition : condition + "; and not __fish_seen_subcommand_from" + below;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::string cases;
  each(app, "", [&](const std::string& path, const CLI::App& command) {
    std::string commands, options;
    for (const CLI::App* below : shown_commands(command)) commands += ' ' + below->get_name();
    for (const CLI::Option* option : shown_options(command)) options += ' ' + spelling(*option, " ");
    cases += fmt::format("    {}) commands={} options={} ;;\n", in_quotes(path), in_quotes(commands),
                         in_quotes(options));
  });
  return fmt::format(R"(# bash completion for knockwork, printed by `knockwork completion bash`
_knockwork() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} path='' commands='' options='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$path ${{COMP_WORDS[at]}}" in
      {}) path+=" ${{COMP_WORDS[at]}}" ;;
    esac
  done
  case "$path" in
{}  esac
  [[ $word == -* ]] || options=''
  mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$word")
}}
complete -o bashdefault -o default -F _knockwork knockwork
)",
                     path_patterns(app), cases);
}

std::string zsh_completion(const CLI::App& app) {
  std::string cases;
  each(app, "", [&](const std::string& path, const CLI::App& command) {
    std::string commands, options;
    for (const CLI::App* below : shown_commands(command))
      commands += described(below->get_name(), below->get_description());
    for (const CLI::Option* option : shown_options(command)) {
      for (const std::string& name : option->get_lnames())
        options += described("--" + name, option->get_description());
      for (const std::string& name : option->get_snames())
        options += described('-' + name, option->get_description());
    }
    cases += fmt::format("    {}) commands=({}) options=({}) ;;\n", in_quotes(path), commands, options);
  });
  return fmt::format(R"(#compdef knockwork
# zsh completion for knockwork, printed by `knockwork completion zsh`
_knockwork() {{
  local here='' word
  local -a commands options
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$here $word" in
      ({}) here+=" $word" ;;
    esac
  done
  case "$here" in
{}  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}}
_knockwork "$@"
)",
                     path_patterns(app), cases);
}

std::string fish_completion(const CLI::App& app) {
  std::string text = "# fish completion for knockwork, printed by `knockwork completion fish`\n";
  each(app, "", [&](const std::string& path, const CLI::App& command) {
    const std::string begin =
        fmt::format("complete -c knockwork -n {}", in_fish(fish_condition(path, command)));
    for (const CLI::App* below : shown_commands(command)) {
      text += fmt::format("{} -f -a {} -d {}\n", begin, below->get_name(), in_fish(below->get_description()));
    }
    for (const CLI::Option* option : shown_options(command)) {
      text += begin;
      for (const std::string& name : option->get_snames()) text += " -s " + name;
      for (const std::string& name : option->get_lnames()) text += " -l " + name;
      text +=
          fmt::format("{} -d {}\n", takes_value(*option) ? " -r" : "", in_fish(option->get_description()));
    }
  });
  return text;
}
