#include "kernel/large_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/netlink/netlink.hpp"
#include "kernel/nft.hpp"
#include "kernel/sets/set_dump.hpp"

namespace knockwork {
namespace {

// Where the block of a set begins and ends in a listing; npos where it has none.
std::pair<std::size_t, std::size_t> block_of(const DumpedSet& set, std::string_view listing) {
  constexpr std::string_view kEnd = "\n\t}\n";
  const std::string head = fmt::format("\n\t{} {} {{\n", set.is_map ? "map" : "set", set.name);
  const std::size_t begin = listing.find(head);
  const std::size_t end =
      begin == std::string_view::npos ? begin : listing.find(kEnd, begin + head.size() - 1);
  return {begin, end == std::string_view::npos ? end : end + 1};
}

// What nftables is asked for where a set was not understood.
std::optional<std::string> list_sets(const std::vector<DumpedSet>& sets) {
  std::vector<std::string> commands;
  for (const DumpedSet& set : sets) {
    if (!set.understood)
      commands.push_back(fmt::format("list {} {} {}", set.is_map ? "map" : "set", kTable, set.name));
  }
  return commands.empty() ? std::optional<std::string>("") : nft_list(commands, Elements::shown);
}

// The listing of a table without elements, with those that were dumped; nothing where a set is missing.
std::optional<std::string> joined(std::string_view bare, const std::vector<DumpedSet>& sets,
                                  std::string_view others) {
  std::vector<std::pair<std::size_t, std::string>> pieces;  // what stands before which place
  for (const DumpedSet& set : sets) {
    const std::size_t end = block_of(set, bare).second;
    if (end == std::string_view::npos) return std::nullopt;
    if (set.understood) {
      if (set.count != 0) pieces.emplace_back(end, fmt::format("\t\telements = {{ {} }}\n", set.elements));
      continue;
    }
    const auto [begin, last] = block_of(set, others);
    if (last == std::string_view::npos) return std::nullopt;
    const std::string_view block = others.substr(begin, last - begin);
    if (const std::size_t at = block.find("\t\telements = {"); at != std::string_view::npos)
      pieces.emplace_back(end, block.substr(at));
  }
  std::sort(pieces.begin(), pieces.end());
  std::string listing;
  std::size_t done = 0;
  for (const auto& [place, text] : pieces) {
    listing.append(bare.substr(done, place - done)).append(text);
    done = place;
  }
  return listing.append(bare.substr(done));
}

// Without elements. nftables reads them all the same where it is asked for one table, and then hides them.
std::optional<std::string> list_bare_table() {
  const auto all = nft_list({"list ruleset inet"}, Elements::hidden);
  if (!all) return std::nullopt;
  constexpr std::string_view kEnd = "\n}\n";
  const std::size_t begin = all->find(fmt::format("table {} {{\n", kTable));
  const std::size_t end = begin == std::string::npos ? begin : all->find(kEnd, begin);
  return end == std::string::npos ? std::nullopt
                                  : std::optional(all->substr(begin, end + kEnd.size() - begin));
}

}  // namespace

std::optional<std::string> list_by_sets(std::size_t least) {
  const std::uint32_t before = read_generation().number;
  std::vector<DumpedSet> sets = dump_sets(kTable);
  const auto add = [](std::size_t sum, const DumpedSet& set) { return sum + set.count; };
  if (std::accumulate(sets.begin(), sets.end(), std::size_t{0}, add) < least) return std::nullopt;
  const auto bare = list_bare_table();
  const auto others = list_sets(sets);
  if (!bare || !others || read_generation().number != before) return std::nullopt;
  return joined(*bare, sets, *others);
}

}  // namespace knockwork
