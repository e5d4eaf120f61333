#include "ruleset/ruleset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "text/ascii.hpp"

namespace knockwork {
namespace {

template <typename T>
const T* find_by_name(const std::vector<T>& sorted, std::string_view name) {
  const auto at =
      std::lower_bound(sorted.begin(), sorted.end(), name,
                       [](const T& object, std::string_view wanted) { return object.name < wanted; });
  return at != sorted.end() && at->name == name ? &*at : nullptr;
}

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::string set_block(const Set& set) {
  std::string text =
      fmt::format("  {} {} {{\n    {}\n", set.is_map() ? "map" : "set", set.name, type_clause(set));
  if (set.size != 0) text += fmt::format("    size {}\n", set.size);
  if (!set.flags.empty()) text += fmt::format("    flags {}\n", fmt::join(set.flags, ","));
  for (const std::string& attribute : set.extra) text += "    " + attribute + '\n';
  if (!set.elements.empty()) {
    text += "    elements = {\n";
    for (const Element& element : set.elements) text += "      " + to_nft(element) + ",\n";
    text += "    }\n";
  }
  return text + "  }\n";
}

std::string chain_block(const Chain& chain) {
  std::string text = fmt::format("  chain {} {{\n", chain.name);
  if (!chain.hook.empty()) text += "    " + chain.hook + "\n";
  for (const std::string& rule : chain.rules) text += "    " + rule + "\n";
  return text + "  }\n";
}

}  // namespace

void sort(std::vector<Element>& elements) {
  std::vector<Element*> order;
  order.reserve(elements.size());
  for (Element& element : elements) order.push_back(&element);
  std::sort(order.begin(), order.end(),
            [](const Element* one, const Element* other) { return *one < *other; });
  std::vector<Element> sorted;
  sorted.reserve(elements.size());
  for (Element* element : order) sorted.push_back(std::move(*element));
  elements = std::move(sorted);
}

bool Set::is_dynamic() const { return std::find(flags.begin(), flags.end(), "dynamic") != flags.end(); }

bool Set::keeps_for_good() const {
  return is_dynamic() && std::find(flags.begin(), flags.end(), "timeout") == flags.end();
}

bool Set::is_fed() const { return type.starts_with("typeof "); }

std::string type_clause(const Set& set) { return set.is_fed() ? set.type : "type " + set.type; }

bool Set::same_shape(const Set& other) const {
  return type == other.type && flags == other.flags && extra == other.extra;
}

const Set* Ruleset::set(std::string_view name) const { return find_by_name(sets, name); }
const Chain* Ruleset::chain(std::string_view name) const { return find_by_name(chains, name); }

std::string to_nft(const Element& element) {
  std::string text = element.key;
  if (!element.comment.empty()) text += " comment \"" + element.comment + '"';
  if (!element.value.empty()) text += " : " + element.value;
  return text;
}

// `add table` and `delete table` first, so that loading the file twice gives one table.
std::string to_nft(const Ruleset& ruleset) {
  std::string text =
      fmt::format("#!/usr/sbin/nft -f\n\nadd table {0}\ndelete table {0}\n\ntable {0} {{\n", kTable);
  text += fmt::format("  comment \"{}\"\n", kTableComment);
  for (const Set& set : ruleset.sets) text += "\n" + set_block(set);
  for (const Chain& chain : ruleset.chains) text += "\n" + chain_block(chain);
  return text + "}\n";
}

std::string nft_time(std::chrono::milliseconds time) {
  std::int64_t rest = time.count();
  std::string text;
  for (const Unit& unit : kUnits) {
    if (rest >= unit.milliseconds) text += fmt::format("{}{}", rest / unit.milliseconds, unit.name);
    rest %= unit.milliseconds;
  }
  return text.empty() ? "0s" : text;
}

std::string nft_time(Duration duration) {
  return nft_time(std::chrono::milliseconds(duration.milliseconds()));
}

std::optional<std::chrono::milliseconds> parse_nft_time(std::string_view text) {
  constexpr std::int64_t kMost = std::int64_t{1} << 50;  // the kernel counts 64 bits of nanoseconds
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    while (!text.empty() && is_digit(text.front())) {
      number = number * 10 + (text.front() - '0');
      text.remove_prefix(1);
      if (number > kMost) return std::nullopt;
    }
    const std::size_t length = std::min(text.find_first_of("0123456789"), text.size());
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                   [&](const Unit& each) { return each.name == text.substr(0, length); });
    if (unit == kUnits.end() || number > (kMost - total) / unit->milliseconds) return std::nullopt;
    total += number * unit->milliseconds;
    text.remove_prefix(length);
  }
  return std::chrono::milliseconds(total);
}

std::string nft_mark(std::uint32_t mark) { return fmt::format("0x{:08x}", mark); }

std::optional<std::uint32_t> parse_nft_mark(std::string_view text) {
  if (!text.starts_with("0x")) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string edge_key(EdgeId edge) { return fmt::format("{:x}:{:x}", edge >> 16, edge & 0xffff); }

std::optional<EdgeId> parse_edge_key(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto half = [](std::string_view digits) -> std::optional<std::uint32_t> {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || end != digits.data() + digits.size() || value > 0xffff) return std::nullopt;
    return value;
  };
  const auto major = half(text.substr(0, colon)), minor = half(text.substr(colon + 1));
  if (!major || !minor) return std::nullopt;
  return (*major << 16) | *minor;
}

bool is_stealth(const Ruleset& ruleset) {
  const Chain* input = ruleset.chain("input");
  return input != nullptr && input->hook.find("policy drop") != std::string::npos;
}

}  // namespace knockwork
