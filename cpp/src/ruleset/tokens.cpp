#include "ruleset/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <variant>

namespace knockwork {
namespace {

std::string key_of(const TokenEntry& entry) {
  std::string text = "0x";
  for (const std::uint8_t byte : entry.token) text += fmt::format("{:02x}", byte);
  return text;
}

// A listing leaves zeros at the front out.
std::string listed_key(const TokenEntry& entry) {
  const std::string key = key_of(entry);
  const std::size_t first = key.find_first_not_of('0', 2);
  return first == std::string::npos ? "0x0" : "0x" + key.substr(first);
}

bool is_of_tokens(std::string_view set) {
  return set == kTokens || set == kClaimed || set == kUsed || set == kGood;
}

}  // namespace

Transaction put_tokens(const std::vector<TokenEntry>& tokens, std::chrono::seconds from,
                       std::chrono::seconds to, bool anew) {
  Transaction all;
  if (anew) all.actions.emplace_back(EmptySet{std::string(kTokens), true});
  FeedElements entries{std::string(kTokens), {}};
  entries.elements.reserve(tokens.size());
  for (const TokenEntry& entry : tokens) {
    entries.elements.push_back(
        fmt::format("{} timeout {} : {}", key_of(entry), nft_time(entry.left), edge_key(entry.edge)));
  }
  if (!entries.elements.empty()) all.actions.emplace_back(std::move(entries));
  all.actions.emplace_back(EmptySet{std::string(kGood), false});
  all.actions.emplace_back(
      FeedElements{std::string(kGood), {fmt::format("{}-{}", from.count(), to.count())}});
  return all;
}

void leave_tokens_out(Transaction& transaction) {
  std::vector<Action>& actions = transaction.actions;
  std::erase_if(actions, [](const Action& action) { return std::holds_alternative<FeedElements>(action); });
  const auto empties = [](const Action& action, std::string_view set) {
    const auto* emptied = std::get_if<EmptySet>(&action);
    return emptied != nullptr && emptied->set == set;
  };
  if (std::any_of(actions.begin(), actions.end(),
                  [&](const Action& action) { return empties(action, kTokens); }))
    return;
  std::erase_if(actions, [&](const Action& action) { return empties(action, kGood); });
}

bool makes_token_sets(const Transaction& transaction) {
  return std::any_of(transaction.actions.begin(), transaction.actions.end(), [](const Action& action) {
    if (std::holds_alternative<AddTable>(action)) return true;
    if (const auto* added = std::get_if<AddSet>(&action)) return is_of_tokens(added->set.name);
    const auto* deleted = std::get_if<DeleteSet>(&action);
    return deleted != nullptr && is_of_tokens(deleted->set);
  });
}

std::size_t count_all(std::string_view set, const LiveTable& live) {
  const auto found = live.live.find(set);
  return found == live.live.end() ? 0 : found->second.size();
}

std::size_t count_in(std::string_view set, const LiveTable& live, const std::vector<TokenEntry>& tokens) {
  const auto found = live.live.find(set);
  if (found == live.live.end()) return 0;
  std::unordered_set<std::string_view> there;
  for (const LiveElement& element : found->second) there.insert(element.key);
  return static_cast<std::size_t>(std::count_if(tokens.begin(), tokens.end(), [&](const TokenEntry& entry) {
    return there.contains(listed_key(entry));
  }));
}

}  // namespace knockwork
