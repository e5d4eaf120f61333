// Epochs: by the clock, or as declared.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "knockwork/derive.hpp"

namespace knockwork {
namespace {

// When an epoch begins.
UnixTime start(const Derivation& derivation, Epoch epoch) {
  return UnixTime(static_cast<std::int64_t>(epoch) * derivation.period.milliseconds());
}

}  // namespace

UnixTime unix_time() {
  return std::chrono::duration_cast<UnixTime>(std::chrono::system_clock::now().time_since_epoch());
}

Epoch current_epoch(const Derivation& derivation, UnixTime now) {
  if (derivation.epoch) return *derivation.epoch;
  return static_cast<Epoch>(std::max<std::int64_t>(now.count(), 0) / derivation.period.milliseconds());
}

std::vector<Epoch> accepted_epochs(const Derivation& derivation, UnixTime now) {
  if (derivation.epoch) return derivation.accepts;
  const Epoch current = current_epoch(derivation, now);
  const UnixTime overlap(derivation.overlap.milliseconds());
  std::vector<Epoch> epochs;
  if (current > 0 && now - start(derivation, current) < overlap) epochs.push_back(current - 1);
  epochs.push_back(current);
  if (start(derivation, current + 1) - now <= overlap) epochs.push_back(current + 1);
  return epochs;
}

std::vector<Epoch> accepted_epochs(const Derivation& derivation, const std::vector<UnixTime>& times) {
  std::vector<Epoch> epochs;
  for (const UnixTime time : times) {
    for (const Epoch epoch : accepted_epochs(derivation, time)) epochs.push_back(epoch);
  }
  std::sort(epochs.begin(), epochs.end());
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  return epochs;
}

std::vector<Epoch> tried_epochs(const Derivation& derivation, UnixTime now) {
  const Epoch current = current_epoch(derivation, now);
  std::vector<Epoch> epochs{current, current + 1};
  if (current > 0) epochs.push_back(current - 1);
  return epochs;
}

std::string epoch_name(std::string_view sequence, Epoch epoch) {
  return fmt::format("{}#{}", sequence, epoch);
}

std::optional<Epoch> epoch_of(std::string_view name) {
  const std::size_t mark = name.find('#');
  Epoch epoch = 0;
  if (mark == std::string_view::npos) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + mark + 1, name.data() + name.size(), epoch);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(epoch) : std::nullopt;
}

}  // namespace knockwork
