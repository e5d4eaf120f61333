#include "commit/verify.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "commit/reading.hpp"
#include "commit/spelling.hpp"
#include "knockwork/diagnostic.hpp"
#include "plan/difference.hpp"
#include "records/stamp.hpp"

namespace knockwork {
namespace {

bool only_sizes(const Transaction& transaction) {
  return std::all_of(transaction.actions.begin(), transaction.actions.end(),
                     [](const Action& action) { return std::holds_alternative<AddSet>(action); });
}

// The first object whose listing means something else, as far as anybody can tell. Rules are numbered, not
// quoted: they hold ports.
std::string misread(const LiveTable& live, const Ruleset& wanted) {
  for (const Chain& chain : wanted.chains) {
    const Chain* listed = live.ruleset.chain(chain.name);
    if (listed == nullptr) return fmt::format("chain {}", chain.name);
    if (*listed == chain) continue;
    const auto [ours, theirs] =
        std::mismatch(chain.rules.begin(), chain.rules.end(), listed->rules.begin(), listed->rules.end());
    if (ours == chain.rules.end() && theirs == listed->rules.end())
      return fmt::format("chain {}", chain.name);
    return fmt::format("rule {} of chain {}", ours - chain.rules.begin() + 1, chain.name);
  }
  for (const Set& set : wanted.sets) {
    const Set* listed = live.ruleset.set(set.name);
    if (listed == nullptr || *listed != set)
      return fmt::format("{} {}", set.is_map() ? "map" : "set", set.name);
  }
  return "an object that knockwork did not create";
}

std::string not_understood(const std::string& what) {
  return fmt::format(
      "the table {} was applied, but this version of nftables lists it in a spelling that knockwork does not "
      "know: {}. Every plan will show a change there. Report this with the output of `nft --version`",
      kTable, what);
}

struct ReadBack {
  Reading reading;
  std::string listed;  // its digest, where the words are not ours
};

ReadBack read_back(const Ruleset& ruleset, Kernel& kernel) {
  ReadBack back{read_steady(kernel), ""};
  if (!back.reading.live || back.reading.live->ruleset == ruleset) return back;
  back.listed = digest(back.reading.live->ruleset);
  recognise(*back.reading.live, ruleset, kernel);
  return back;
}

// A packet that was under way may have left a half-done knock of a retired step behind, or a source by its
// old name; they expire by themselves.
Transaction rest_of(const LiveTable* live, const Ruleset& target) {
  Transaction rest = difference(live, target);
  std::erase_if(rest.actions, [](const Action& action) {
    return std::holds_alternative<ForgetElements>(action) || std::holds_alternative<CarryElements>(action);
  });
  return rest;
}

}  // namespace

Verified verify(const Ruleset& target, const std::string& target_digest, Kernel& kernel,
                std::vector<std::string>& warnings) {
  const Generation committed = kernel.generation();
  ReadBack back;
  try {
    back = read_back(target, kernel);
  } catch (const UnknownListing& error) {
    warnings.push_back(not_understood(error.reason()));
    return {};
  }
  const std::optional<LiveTable>& live = back.reading.live;
  const Transaction rest = rest_of(pointer(live), target);
  if (rest.empty()) {
    stamp(back.reading.generation, target_digest);
  } else if (live && only_sizes(rest)) {
    return {true, back.listed};
  } else if (live && back.reading.generation == committed) {
    warnings.push_back(not_understood(misread(*live, target)));
  } else {
    throw SystemError(fmt::format(
        "the kernel's table differs from what was sent: another program changed the table {} at the same "
        "time. Run again",
        kTable));
  }
  return {false, back.listed};
}

}  // namespace knockwork
