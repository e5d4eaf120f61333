// Between Spec and Program: a derived sequence becomes one plain sequence per accepted epoch.
#include <algorithm>

#include "knockwork/derive.hpp"

namespace knockwork {
namespace {

std::vector<Epoch> accepted_at_any(const Derivation& derivation, const std::vector<UnixTime>& times) {
  std::vector<Epoch> epochs;
  for (const UnixTime time : times) {
    for (const Epoch epoch : accepted_epochs(derivation, time)) epochs.push_back(epoch);
  }
  std::sort(epochs.begin(), epochs.end());
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  return epochs;
}

}  // namespace

bool has_derived(const Spec& spec) {
  return std::any_of(spec.sequences.begin(), spec.sequences.end(),
                     [](const Sequence& sequence) { return sequence.derive.has_value(); });
}

bool changes_with_time(const Spec& spec) {
  return std::any_of(spec.sequences.begin(), spec.sequences.end(), [](const Sequence& sequence) {
    return sequence.token || (sequence.derive && sequence.derive->period > Duration{});
  });
}

Spec resolve(const Spec& spec, const std::vector<UnixTime>& times, const KeyOf& key_of) {
  Spec resolved = spec;
  resolved.sequences.clear();
  for (const Sequence& sequence : spec.sequences) {
    if (!sequence.derive) {
      resolved.sequences.push_back(sequence);
      continue;
    }
    for (const Epoch epoch : accepted_at_any(*sequence.derive, times)) {
      Sequence& drawn = resolved.sequences.emplace_back(sequence);
      drawn.derive.reset();
      drawn.name = epoch_name(sequence.name, epoch);
      drawn.knock = derive(key_of(*sequence.derive, epoch), sequence.name, *sequence.derive, epoch);
    }
  }
  return resolved;
}

}  // namespace knockwork
