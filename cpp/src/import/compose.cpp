#include "import/compose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "knockwork/printable.hpp"
#include "text/ascii.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

// As near as a declaration allows; empty where nothing is left.
std::string legal_name(const std::string& wanted) {
  std::string name;
  for (const char byte : wanted) {
    const bool legal = is_letter_or_digit(byte) ||
                       (!name.empty() && std::string_view("._-@").find(byte) != std::string_view::npos);
    if (legal) name += byte;
    if (!legal && !name.empty() && name.back() != '-') name += '-';
  }
  name.resize(std::min(name.size(), spec::kLongestName));
  while (name.ends_with('-')) name.pop_back();
  return name;
}

template <typename Values>
std::string list_of(const Values& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + to_string(value);
  return '[' + text + ']';
}

std::string quoted_list(const std::vector<Network>& networks) {
  std::string text;
  for (const Network& network : networks) {
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", to_string(network));
  }
  return '[' + text + ']';
}

std::string written(const std::vector<PublicRule>& rules) {
  std::string text;
  for (const PublicRule& rule : rules) {
    const std::string service = to_string(rule);
    text += (text.empty() ? "" : ", ") +
            (rule.from.empty() ? service
                               : fmt::format("{{service: {}, from: {}}}", service, quoted_list(rule.from)));
  }
  return '[' + text + ']';
}

// Keys with their defaults are left out: somebody reads this, and goes on from it.
std::string written(const Draft& draft) {
  const Sequence& sequence = draft.sequence;
  const Sequence standard;
  // 7000 is no name to other readers of YAML.
  const bool bare = sequence.name.find_first_not_of("0123456789.e") != std::string::npos;
  std::string out = fmt::format("  - name: {}  # line {}\n",
                                bare ? sequence.name : json_string(sequence.name), draft.passage.line());
  const auto line = [&](const char* key, const std::string& value) {
    out += fmt::format("    {}: {}\n", key, value);
  };
  if (sequence.token) {
    line("token", fmt::format("{{port: {}, secret_file: {}}}", to_string(sequence.token->port),
                              sequence.token->secret_file));
  } else {
    line("knock", list_of(sequence.knock));
  }
  if (sequence.closes.empty()) {
    line("opens", list_of(sequence.opens));
  } else {
    line("closes", sequence.closes);
  }
  if (sequence.step_timeout != standard.step_timeout) line("step_timeout", to_string(sequence.step_timeout));
  if (sequence.sequence_timeout) line("sequence_timeout", to_string(*sequence.sequence_timeout));
  if (sequence.open_for != standard.open_for) line("open_for", to_string(sequence.open_for));
  if (!sequence.from.empty()) line("from", quoted_list(sequence.from));
  if (!sequence.to.empty()) line("to", quoted_list(sequence.to));
  return out;
}

std::string written(const Drafts& drafts, const std::string& from) {
  std::string out = fmt::format("# Imported from {}. It contains ports: keep it readable by root only.\n",
                                json_string(from));
  out += "knockwork: 1\n";
  if (drafts.mode == Mode::stealth) out += "mode: stealth\n";
  if (!drafts.open_to_all.empty()) out += fmt::format("public: {}\n", written(drafts.open_to_all));
  out += "sequences:\n";
  for (const Draft& draft : drafts.sequences) out += written(draft);
  return out;
}

// Of "sequences[2].knock[0]" 2; nothing where another part of the declaration is meant.
std::optional<std::size_t> sequence_of(const std::string& path) {
  constexpr std::string_view kStart = "sequences[";
  if (!path.starts_with(kStart)) return std::nullopt;
  std::size_t number = 0;
  const auto end = std::from_chars(path.data() + kStart.size(), path.data() + path.size(), number);
  return end.ec == std::errc{} ? std::optional(number) : std::nullopt;
}

std::string told(const Diagnostic& fault) {
  return fmt::format("knockwork refuses it: {}; {}", fault.message, fault.remedy);
}

// Refuses what the faults are about; where they are about none of the sequences, all of them.
void refuse(const Diagnostics& faults, std::vector<Draft>& sequences) {
  std::set<std::size_t> refused;
  for (const Diagnostic& fault : faults) {
    const auto number = sequence_of(fault.path);
    if (!number || *number >= sequences.size()) continue;
    if (!refused.insert(*number).second) continue;
    Passage& passage = sequences[*number].passage;
    passage.refuse(passage.line(), told(fault));
  }
  for (Draft& draft : sequences) {
    if (refused.empty()) draft.passage.refuse(draft.passage.line(), told(faults.front()));
    if (draft.passage.refused()) draft.passage.settle();
  }
  std::erase_if(sequences, [](const Draft& draft) { return draft.passage.refused(); });
}

}  // namespace

std::string Names::free(const std::string& wanted) {
  const std::string base = legal_name(wanted);
  if (base.empty()) return {};
  std::string name = base;
  for (int number = ++given_[base]; number > 1; ++number) {
    const std::string end = fmt::format("-{}", number);
    name = base.substr(0, std::min(base.size(), spec::kLongestName - end.size())) + end;
    if (given_.emplace(name, 1).second) {
      given_[base] = number;
      break;
    }
  }
  return name;
}

void compose(Drafts drafts, const std::string& from, Imported& imported) {
  for (Draft& draft : drafts.sequences) {
    if (draft.passage.refused()) draft.passage.settle();
  }
  std::erase_if(drafts.sequences, [](const Draft& draft) { return draft.passage.refused(); });
  while (!drafts.sequences.empty()) {
    const std::string text = written(drafts, from);
    try {
      load({{Source::Kind::declaration, from, text}});
    } catch (const InvalidDeclaration& invalid) {
      refuse(invalid.diagnostics(), drafts.sequences);
      continue;
    }
    imported.declaration = text;
    break;
  }
  for (Draft& draft : drafts.sequences) {
    imported.sequences.push_back(draft.sequence.name);
    imported.origins.push_back({draft.passage.file(), draft.passage.line()});
    draft.passage.settle();
    for (std::string& remark : draft.remarks) {
      auto& all = imported.remarks;
      if (std::find(all.begin(), all.end(), remark) == all.end()) all.push_back(std::move(remark));
    }
  }
}

}  // namespace knockwork
