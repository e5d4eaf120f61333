#include "facade/table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "facade/stamp.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

bool only_sizes(const Transaction& transaction) {
  return std::all_of(transaction.actions.begin(), transaction.actions.end(),
                     [](const Action& action) { return std::holds_alternative<AddSet>(action); });
}

}  // namespace

void refuse_if_not_ours(const std::optional<LiveTable>& live) {
  if (live && !live->ours) {
    throw SystemError(fmt::format(
        "there is a table {} that knockwork did not make (its comment is not \"{}\"): it is left alone. "
        "Rename it, or delete it with `nft delete table {}`, and run again",
        kTable, kTableComment, kTable));
  }
}

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

void verify(const Ruleset& ruleset, Kernel& kernel) {
  Reading reading = read_steady(kernel);
  Transaction rest = difference(pointer(reading.live), ruleset);
  if (!rest.empty() && reading.live && only_sizes(rest)) {
    kernel.commit(difference(&*reading.live, ruleset, Resize::anew));
    reading = read_steady(kernel);
    rest = difference(pointer(reading.live), ruleset);
  }
  // A packet that was under way may have left a half-done knock of a retired
  // step behind, or a source by its old name; they expire by themselves.
  std::erase_if(rest.actions, [](const Action& action) {
    return std::holds_alternative<ForgetElements>(action) || std::holds_alternative<CarryElements>(action);
  });
  if (!rest.empty()) {
    throw SystemError(
        "the kernel does not hold what was sent: another program changed the table inet knockwork at the "
        "same time, or this version of nftables lists it differently. Run again; if it persists, report "
        "it with the output of `nft --version`");
  }
  stamp(reading.generation, digest(ruleset));
}

}  // namespace knockwork
