// Readers of a sequence's keys, and of `derive`.
#include <fmt/format.h>

#include <algorithm>

#include "spec/readers.hpp"

namespace knockwork::spec {
Value find_key(const Value& map, std::string_view key) {
  for (Value name = map.first(); name != map.stop(); name = name.next().next()) {
    if (name.kind() == NodeKind::scalar && name.text() == key) return name.next();
  }
  return {};
}

void read_sequence_list(const Value& list, Draft& draft, Faults& faults) {
  for (Value entry = list.first(); entry != list.stop(); entry = entry.next()) {
    if (entry.kind() == NodeKind::refused) continue;
    if (entry.kind() != NodeKind::map) {
      faults.at(entry,
                {entry.kind() == NodeKind::null ? "an empty entry where a sequence should stand"
                                                : "a sequence is a mapping of keys",
                 "write it as in `- {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}`"});
      continue;
    }
    SequenceDraft& sequence = draft.sequences.emplace_back();
    sequence.at = entry;
    read_map(Scope::sequence, entry, {&draft, &sequence, nullptr}, faults);
    const Value derive = find_key(entry, "derive");
    if (derive && find_key(entry, "knock")) {
      faults.at(derive, {"both `knock` and `derive`", "keep one: `derive` draws the knocks from a secret"});
    }
  }
}

void read_name(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (auto name = read_entry(key, value, parse_name, faults)) {
    target.sequence->value.name = std::move(*name);
    target.sequence->name = value;
  }
}

void read_knocks(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (!is_list(key, value, faults)) return;
  SequenceDraft& draft = *target.sequence;
  std::size_t count = 0;
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    if (++count > kMostKnocks) continue;
    const auto knock = read_entry(key, entry, parse_knock, faults);
    if (!knock) continue;
    draft.value.knock.push_back(*knock);
    draft.knocks.push_back(entry);
  }
  if (count == 0)
    faults.at(value, {"a sequence without knocks", "write 1 to 32 of them, as in `[7000/udp, 8000/udp]`"});
  if (count > kMostKnocks) {
    faults.at(value,
              {fmt::format("a sequence of {} knocks", count), fmt::format("write {} at most", kMostKnocks)});
  }
}

void read_opens(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (!is_list(key, value, faults)) return;
  std::vector<Service>& opens = target.sequence->value.opens;
  if (value.empty())
    faults.at(value, {"a sequence that opens nothing", "name a service, as in `opens: [22/tcp]`"});
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    const auto service = read_entry(key, entry, parse_service, faults);
    if (!service) continue;
    opens.push_back(*service);
    target.sequence->opens.push_back(entry);
  }
}

void read_derivation(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (value.kind() != NodeKind::map) {
    faults.at(value, {"`derive` takes a mapping", fmt::format("write it as in `derive: {}`", key.example)});
    return;
  }
  Derivation& derivation = target.sequence->value.derive.emplace();
  read_map(Scope::derive, value, {target.draft, target.sequence, &derivation}, faults);
  if (derivation.period > Duration{} && derivation.overlap >= derivation.period) {
    faults.at(value, {"`overlap` is not shorter than `period`",
                      "shorten it: more than two sequences would be valid at a time"});
  }
}

}  // namespace knockwork::spec
