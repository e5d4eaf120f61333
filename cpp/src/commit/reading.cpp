#include "commit/reading.hpp"

#include <fmt/format.h>

#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

void refuse_if_not_ours(const std::optional<LiveTable>& live) {
  if (live && !live->ours) {
    throw SystemError(fmt::format(
        "there is a table {} that knockwork did not create (its comment is not \"{}\"): it was not changed. "
        "Rename it, or delete it with `nft delete table {}`, and run again",
        kTable, kTableComment, kTable));
  }
}

}  // namespace

std::optional<LiveTable> read_ours(Kernel& kernel) {
  std::optional<LiveTable> live = kernel.read();
  refuse_if_not_ours(live);
  return live;
}

Reading read_steady(Kernel& kernel) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const Generation before = kernel.generation();
    Reading reading{kernel.read(), kernel.generation()};
    if (before == reading.generation) return reading;
    if (attempt == kAttempts) return {std::move(reading.live), {}};
  }
}

Reading read_ours_steady(Kernel& kernel) {
  Reading reading = read_steady(kernel);
  refuse_if_not_ours(reading.live);
  return reading;
}

LiveTable read_gate(Kernel& kernel) {
  std::optional<LiveTable> live = read_ours(kernel);
  if (!live) throw SystemError("there is no gate in this network namespace: run `knockwork apply` first");
  return std::move(*live);
}

}  // namespace knockwork
