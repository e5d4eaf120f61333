// The interfaces of a sequence are some of those that the declaration protects.
#include "spec/check/interfaces.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "spec/check/conflicts.hpp"
#include "text/utf8.hpp"
#include "values/values.hpp"

namespace knockwork::spec {
namespace {

// Whether one of `patterns` covers all interfaces that `name`, itself perhaps a pattern, means.
bool covered(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    if (!pattern.ends_with('*')) return pattern == name;
    return std::string_view(name).starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  });
}

// Of a sequence that leaves out each one that is protected.
void check_left_out(const SequenceDraft& sequence, const std::vector<std::string>& all, Faults& faults) {
  const std::vector<std::string> without = all_left_out(sequence.value.interfaces);
  if (without.empty() || all.empty() || !all_left_out(all).empty()) return;
  if (!std::all_of(all.begin(), all.end(), [&](const auto& name) { return covered(without, name); })) return;
  faults.at(find_key(sequence.at, "interfaces"),
            {fmt::format("{} leaves out every interface in the main file's `interfaces`", title(sequence)),
             "leave out fewer: the sequence could take no knock"});
}

}  // namespace

std::vector<std::string> all_left_out(const std::vector<std::string>& interfaces) {
  std::vector<std::string> names;
  for (const std::string& each : interfaces) {
    if (const auto name = left_out(each)) names.emplace_back(*name);
  }
  return names;
}

bool may_be(const std::vector<std::string>& interfaces, const std::string& name) {
  if (const std::vector<std::string> without = all_left_out(interfaces); !without.empty())
    return !covered(without, name);
  if (interfaces.empty() || covered(interfaces, name)) return true;
  return std::any_of(interfaces.begin(), interfaces.end(),
                     [&](const std::string& each) { return covered({name}, each); });
}

void check_interfaces(const Draft& draft, Faults& faults) {
  const std::vector<std::string>& all = draft.value.interfaces;
  for (const SequenceDraft& sequence : draft.sequences) {
    check_left_out(sequence, all, faults);
    const Value list = find_key(sequence.at, "interfaces");
    if (!list || list.kind() != NodeKind::list) continue;
    for (Value entry = list.first(); entry != list.stop(); entry = entry.next()) {
      if (entry.kind() != NodeKind::scalar) continue;
      const auto name = parse_protected_interface(entry.text());
      if (!name || left_out(*name) || may_be(all, *name)) continue;
      faults.at(entry,
                {fmt::format("{} is {} the main file's `interfaces`", quote(*name),
                             all_left_out(all).empty() ? "not in" : "left out by"),
                 "use an interface that is protected, or protect this one: knocks do not count on others"});
    }
  }
}

}  // namespace knockwork::spec
