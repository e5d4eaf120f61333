// Readers of a sequence's keys, and of `derive`.
#include <fmt/format.h>

#include <algorithm>

#include "spec/readers.hpp"

namespace knockwork::spec {
namespace {

void check_epochs(const Value& map, Derivation& derivation, Faults& faults) {
  const Value period = find_key(map, "period"), epoch = find_key(map, "epoch");
  const Value overlap = find_key(map, "overlap"), accepts = find_key(map, "accepts");
  if (period && epoch)
    faults.at(epoch, {"both `period` and `epoch`", "keep one: epochs advance by the clock or by hand"});
  if (overlap && epoch && !period)
    faults.at(overlap, {"`overlap` has no effect with `epoch`", "list the epochs under `accepts` instead"});
  if (overlap && !epoch && !period)
    faults.at(overlap, {"`overlap` has no effect without `period`", "add `period`, or remove it"});
  if (accepts && period && !epoch)
    faults.at(accepts, {"`accepts` has no effect with `period`", "write `overlap` instead"});
  if (accepts && !epoch && !period)
    faults.at(accepts, {"`accepts` has no effect without `epoch`", "add `epoch`, or remove it"});
  if (derivation.period > Duration{} && derivation.overlap >= derivation.period)
    faults.at(overlap, {"`overlap` is not shorter than `period`", "shorten it"});
  if (!derivation.epoch) return;
  std::vector<std::uint64_t>& epochs = derivation.accepts;
  if (accepts && !epochs.empty() &&
      std::find(epochs.begin(), epochs.end(), *derivation.epoch) == epochs.end())
    faults.at(accepts, {"`accepts` does not contain `epoch`", fmt::format("add {}", *derivation.epoch)});
  if (!accepts) epochs = {*derivation.epoch};
}

}  // namespace

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
                {entry.kind() == NodeKind::null ? "an empty entry in the list of sequences"
                                                : "a sequence must be a mapping of keys",
                 "write it as in `- {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}`"});
      continue;
    }
    SequenceDraft& sequence = draft.sequences.emplace_back();
    sequence.at = entry;
    read_map(Scope::sequence, entry, {&draft, &sequence, nullptr}, faults);
    const Value derive = find_key(entry, "derive");
    if (derive && find_key(entry, "knock")) {
      faults.at(derive, {"both `knock` and `derive`", "keep one: `derive` derives the knocks from a secret"});
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
    if (++count > kMostKnocks || is_octal(entry, faults)) continue;
    const auto knock = read_entry(key, entry, parse_knock, faults);
    if (!knock) continue;
    draft.value.knock.push_back(*knock);
    draft.knocks.push_back(entry);
  }
  if (count == 0)
    faults.at(value, {"a sequence without knocks", "write 1 to 32 of them, as in `[7000/udp, 8000/udp]`"});
  if (count > kMostKnocks) {
    faults.at(value,
              {fmt::format("a sequence of {} knocks", count), fmt::format("write at most {}", kMostKnocks)});
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
  target.sequence->derive = value;
  Derivation& derivation = target.sequence->value.derive.emplace();
  read_map(Scope::derive, value, {target.draft, target.sequence, &derivation}, faults);
  check_epochs(value, derivation, faults);
}

void read_epochs(const Key& key, const Value& value, Target& target, Faults& faults) {
  read_list<&Derivation::accepts, parse_epoch>(key, value, target, faults);
  if (value.kind() != NodeKind::list) return;
  const std::size_t count = target.derivation->accepts.size();
  if (count > kMostEpochs)
    faults.at(value, {fmt::format("{} epochs", count), fmt::format("write at most {}", kMostEpochs)});
}

}  // namespace knockwork::spec
