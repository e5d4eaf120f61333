#include "ruleset/transaction.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>

namespace knockwork {
namespace {

template <typename Items, typename Show>
std::string elements(std::string_view verb, const std::string& set, const Items& items, Show show) {
  if (items.empty()) return {};
  std::string text = fmt::format("{} element {} {} {{ ", verb, kTable, set);
  const char* separator = "";
  for (const auto& item : items) {
    text.append(separator).append(show(item));
    separator = ", ";
  }
  return text.append(" }\n");
}

struct Writer {
  std::string& text;

  void operator()(const AddTable&) {
    text += fmt::format("create table {} {{ comment \"{}\"; }}\n", kTable, kTableComment);
  }
  void operator()(const DeleteTable&) { text += fmt::format("delete table {}\n", kTable); }
  void operator()(const WakeTable&) { text += fmt::format("add table {}\n", kTable); }
  void operator()(const FlushChain& action) {
    text += fmt::format("flush chain {} {}\n", kTable, action.chain);
  }
  void operator()(const EmptySet& action) {
    text += fmt::format("flush {} {} {}\n", action.map ? "map" : "set", kTable, action.set);
  }
  void operator()(const DeleteElements& action) {
    text +=
        elements("delete", action.set, action.elements, [](const Element& element) { return element.key; });
  }
  // Deleting an element that expired meanwhile would fail the transaction: add it first.
  void operator()(const ForgetElements& action) {
    const auto show = [](const std::string& key) -> const std::string& { return key; };
    const std::span<const std::string> keys = action.keys;
    const std::size_t half = (keys.size() + 1) / 2;
    for (const auto part : {keys.first(half), keys.subspan(half)}) {
      text += elements("add", action.set, part, show);
      text += elements("delete", action.set, part, show);
    }
  }
  void operator()(const DeleteSet& action) {
    text += fmt::format("delete {} {} {}\n", action.map ? "map" : "set", kTable, action.set);
  }
  void operator()(const DeleteStranger& action) {
    text += fmt::format("delete {} {} {}\n", action.stranger.kind, kTable, action.stranger.name);
  }
  void operator()(const DeleteChain& action) {
    text += fmt::format("delete chain {} {}\n", kTable, action.chain);
  }
  void operator()(const AddChain& action) {
    text += fmt::format("add chain {} {}", kTable, action.chain.name);
    if (!action.chain.hook.empty()) text += " { " + action.chain.hook + " }";
    text += '\n';
  }
  void operator()(const AddSet& action) {
    const Set& set = action.set;
    text +=
        fmt::format("add {} {} {} {{ {};", set.is_map() ? "map" : "set", kTable, set.name, type_clause(set));
    if (!set.flags.empty()) text += fmt::format(" flags {};", fmt::join(set.flags, ","));
    if (set.size != 0) text += fmt::format(" size {};", set.size);
    for (const std::string& attribute : set.extra) text += fmt::format(" {};", attribute);
    text += " }\n";
  }
  void operator()(const AddElements& action) {
    text +=
        elements("add", action.set, action.elements, [](const Element& element) { return to_nft(element); });
  }
  void operator()(const CarryElements& action) {
    text += elements("add", action.set, action.elements, [](const LiveElement& element) {
      if (element.count) return fmt::format("{} counter packets {} bytes 0", element.key, *element.count);
      if (element.timeout.count() == 0) return element.key;
      return fmt::format("{} timeout {} expires {}", element.key, nft_time(element.timeout),
                         nft_time(element.expires));
    });
  }
  void operator()(const FeedElements& action) {
    text += elements("add", action.set, action.elements,
                     [](const std::string& element) -> const std::string& { return element; });
  }
  void operator()(const AddRules& action) {
    for (const std::string& rule : action.rules) {
      text += fmt::format("add rule {} {} {}\n", kTable, action.chain, rule);
    }
  }
};

}  // namespace

std::string to_nft(const Transaction& transaction) {
  std::string text;
  for (const Action& action : transaction.actions) std::visit(Writer{text}, action);
  return text;
}

}  // namespace knockwork
