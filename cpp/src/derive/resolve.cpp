// Between Spec and Program: a derived sequence becomes one plain sequence per accepted epoch.
#include <algorithm>

#include "knockwork/derive.hpp"

namespace knockwork {

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
    for (const Epoch epoch : accepted_epochs(*sequence.derive, times)) {
      Sequence& drawn = resolved.sequences.emplace_back(sequence);
      drawn.derive.reset();
      drawn.name = epoch_name(sequence.name, epoch);
      drawn.knock = derive(key_of(*sequence.derive, epoch), sequence.name, *sequence.derive, epoch);
    }
  }
  return resolved;
}

}  // namespace knockwork
