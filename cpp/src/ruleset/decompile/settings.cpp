#include "ruleset/decompile/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "knockwork/words.hpp"

namespace knockwork {
namespace {

std::string first_rule(const Ruleset& ruleset, std::string_view chain) {
  const Chain* found = ruleset.chain(chain);
  return found == nullptr || found->rules.empty() ? "" : found->rules.front();
}

std::string rule_with(const Ruleset& ruleset, std::string_view chain, std::string_view word) {
  const Chain* found = ruleset.chain(chain);
  if (found == nullptr) return "";
  const auto rule = std::find_if(found->rules.begin(), found->rules.end(), [&](const std::string& each) {
    return each.find(word) != std::string::npos;
  });
  return rule == found->rules.end() ? "" : *rule;
}

std::string mode_of(const Ruleset& ruleset) {
  const Chain* gate = ruleset.chain("gate");
  if (gate == nullptr) return "";
  return is_stealth(ruleset) ? "stealth" : "gate";
}

std::string refuse_of(const Ruleset& ruleset) {
  const std::string rule = first_rule(ruleset, "refuse");
  return rule.empty() ? "" : rule == "drop" ? "drop" : "reject";
}

std::string wrong_knock_of(const Ruleset& ruleset) {
  const std::string rule = rule_with(ruleset, "lockout", "@locked4");
  const std::size_t at = rule.find(" timeout ");
  if (at == std::string::npos) return ruleset.chain("harmless") != nullptr ? "ignore" : "";
  return "lockout for " + rule.substr(at + 9, rule.find(" }", at) - at - 9);
}

std::string sources_of(const Ruleset& ruleset) {
  const Set* set = ruleset.set("granted4");
  return set == nullptr ? "" : std::to_string(set->size);
}

std::string text_of(std::optional<int> prefix) { return prefix ? std::to_string(*prefix) : ""; }

using Less = bool (*)(std::string_view one, std::string_view other);

std::string elements_of(const Ruleset& ruleset, std::initializer_list<const char*> names, Less less) {
  std::string text;
  for (const char* name : names) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    std::vector<std::string> keys;
    for (const Element& element : set->elements) keys.push_back(element.key);
    std::sort(keys.begin(), keys.end(), less);
    for (const std::string& key : keys) text += (text.empty() ? "" : ", ") + key;
  }
  return text;
}

std::string interfaces_of(const Ruleset& ruleset) {
  const std::string without = elements_of(ruleset, {"left_out"}, natural_less);
  return without.empty() ? elements_of(ruleset, {"interfaces"}, natural_less) : "all but " + without;
}

// How many ports `dispatch` and `ranges` send to a verdict; ports themselves stay hidden.
std::string ports_of(const Ruleset& ruleset, std::string_view verdict) {
  std::size_t number = 0;
  for (const char* name : {"dispatch", "ranges"}) {
    const Set* set = ruleset.set(name);
    if (set == nullptr) continue;
    number +=
        static_cast<std::size_t>(std::count_if(set->elements.begin(), set->elements.end(),
                                               [&](const Element& each) { return each.value == verdict; }));
  }
  return fmt::format("{} port{}", number, number == 1 ? "" : "s");
}

}  // namespace

std::vector<LiveSetting> settings_of(const Ruleset& ruleset) {
  return {{"mode", mode_of(ruleset), Cause::settings},
          {"refuse", refuse_of(ruleset), Cause::settings},
          {"wrong_knock", wrong_knock_of(ruleset), Cause::settings},
          {"sources", sources_of(ruleset), Cause::sources},
          {"ipv4_prefix", text_of(ipv4_prefix(ruleset)), Cause::settings},
          {"ipv6_prefix", text_of(ipv6_prefix(ruleset)), Cause::settings},
          {"log", declared_log(ruleset), Cause::settings},
          {"always_allow", elements_of(ruleset, {"always_allow4", "always_allow6"}, source_less),
           Cause::always_allow},
          {"interfaces", interfaces_of(ruleset), Cause::settings},
          {"public", ports_of(ruleset, "accept"), Cause::ports}};
}

LiveSetting guards_of(const Ruleset& ruleset) {
  return {"guards", ports_of(ruleset, "goto guard"), Cause::ports};
}

std::string in_short(const Ruleset& ruleset) {
  return fmt::format("mode {}, wrong_knock {}", mode_of(ruleset), wrong_knock_of(ruleset));
}

}  // namespace knockwork
