#include "spec/check/conflicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "text/utf8.hpp"
#include "values/values.hpp"

namespace knockwork::spec {
namespace {

// A key with a value of another kind is told already; nothing follows from it.
bool is_word(const Value& map, std::string_view key, std::string_view first, std::string_view second) {
  if (!map) return true;
  const Value value = find_key(map, key);
  return !value || (value.kind() == NodeKind::scalar && (value.text() == first || value.text() == second));
}

void check_lockout(const Draft& draft, Faults& faults) {
  const Duration longest = longest_step(draft);
  if (!draft.lockout || draft.value.lockout == Duration{} || draft.value.lockout >= longest) return;
  faults.at(
      draft.lockout,
      {fmt::format("a lockout shorter than the longest step_timeout, {}", to_string(longest)),
       fmt::format(
           "write {0} or more, or remove the key: a scan slower than the lockout would complete every step",
           to_string(longest))});
}

// A token opens one sequence.
void check_token_keys(const Draft& draft, Faults& faults) {
  std::unordered_map<std::string_view, const SequenceDraft*> first;
  for (const SequenceDraft& sequence : draft.sequences) {
    if (!sequence.value.token || sequence.value.token->key.empty()) continue;
    const auto [found, fresh] = first.try_emplace(sequence.value.token->key, &sequence);
    if (fresh) continue;
    faults.at(find_key(sequence.token, "key"),
              {fmt::format("{} has the same `key` as {}", title(sequence), title(*found->second)),
               "a token opens one sequence: give each sequence a key of its own"});
  }
}

// All of them are in the kernel's memory, and every listing shows them all.
void check_tokens(const Draft& draft, Faults& faults) {
  std::int64_t count = 0;
  for (const SequenceDraft& sequence : draft.sequences) {
    if (!sequence.value.token || sequence.value.token->period <= Duration{}) continue;
    const std::int64_t before = count;
    count += tokens_at_once(*sequence.value.token);
    if (before <= kMostTokens && count > kMostTokens) {
      faults.at(sequence.token, {fmt::format("more than {} tokens at a time in all", kMostTokens),
                                 "use a longer `period`, or a shorter `ahead`"});
    }
  }
}

// The other one opens something.
void check_closed(const Draft& draft, Faults& faults) {
  std::unordered_map<std::string_view, const SequenceDraft*> named;
  for (const SequenceDraft& sequence : draft.sequences) named.emplace(sequence.value.name, &sequence);
  for (const SequenceDraft& sequence : draft.sequences) {
    if (sequence.value.closes.empty()) continue;
    const auto found = named.find(sequence.value.closes);
    const Value place = find_key(sequence.at, "closes");
    if (found == named.end()) {
      faults.at(place, {fmt::format("no sequence is named {}", quote_name(sequence.value.closes)),
                        "write the name of a sequence with `opens`"});
    } else if (!found->second->value.closes.empty()) {
      faults.at(place, {fmt::format("{} opens nothing", title(*found->second)),
                        "write the name of a sequence with `opens`"});
    }
  }
}

}  // namespace

std::string title(const SequenceDraft& sequence) {
  return sequence.value.name.empty() ? std::string("a sequence") : quote_name(sequence.value.name);
}

Duration longest_step(const Draft& draft) {
  Duration longest;
  for (const SequenceDraft& sequence : draft.sequences) {
    if (!sequence.token) longest = std::max(longest, sequence.value.step_timeout);
  }
  return longest == Duration{} ? Sequence{}.step_timeout : longest;
}

void check_names(const Draft& draft, Faults& faults) {
  std::unordered_map<std::string_view, const SequenceDraft*> first;
  first.reserve(draft.sequences.size());
  for (const SequenceDraft& sequence : draft.sequences) {
    if (!sequence.name) continue;
    const auto [other, added] = first.emplace(sequence.value.name, &sequence);
    if (added) continue;
    const Document& document = other->second->name.document();
    faults.at(sequence.name, {fmt::format("a second sequence named {}", quote_name(sequence.value.name)),
                              fmt::format("rename one: the first is at {}:{}", document.name(),
                                          document.line(other->second->name.node().offset))});
  }
}

void check_combinations(const Draft& draft, Faults& faults) {
  const bool gate = draft.value.mode == Mode::gate && is_word(draft.top, "mode", "gate", "stealth");
  if (gate && !(draft.value.public_services.empty() && draft.value.public_rules.empty())) {
    faults.at(draft.public_list,
              {"`public` has no effect in `mode: gate`",
               "remove it, or write `mode: stealth`: gate mode refuses only what sequences open"});
  }
  if (gate && !draft.value.ping) {
    faults.at(draft.ping, {"`ping` has no effect in `mode: gate`",
                           "remove it, or write `mode: stealth`: gate mode does not affect echo requests"});
  }
  check_interfaces(draft, faults);
  check_closed(draft, faults);
  check_tokens(draft, faults);
  check_token_keys(draft, faults);
  if (draft.value.wrong_knock == WrongKnock::lockout) {
    check_lockout(draft, faults);
    return;
  }
  if (draft.lockout) {
    faults.at(draft.lockout, {"`lockout` has no effect with `wrong_knock: ignore`", "remove one of the two"});
  }
  if (draft.guards && draft.value.guards.kind == Guards::Kind::listed) {
    faults.at(draft.guards, {"`guards` have no effect with `wrong_knock: ignore`", "remove one of the two"});
  }
}

}  // namespace knockwork::spec
