#include "ruleset/plain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "text/ascii.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kDot = " . ";

std::optional<std::uint32_t> number(std::string_view text, int base, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value > most)
    return std::nullopt;
  return value;
}

enum class Ip { v4, v6 };

std::optional<std::string> address(std::string_view text, Ip ip) {
  const auto network = parse_network(text);
  const bool ipv6 = ip == Ip::v6;
  if (!network || network->ipv6 != ipv6 || network->prefix != (ipv6 ? 128 : 32)) return std::nullopt;
  return to_string(*network);
}

std::optional<std::string> decimal(std::string_view text, std::uint32_t most) {
  const auto value = number(text, 10, most);
  return value ? std::optional(std::to_string(*value)) : std::nullopt;
}

std::optional<std::string> mark(std::string_view text) {
  if (!text.starts_with("0x")) return std::nullopt;
  const auto value = number(text.substr(2), 16, 0xffffffff);
  return value ? std::optional(nft_mark(*value)) : std::nullopt;
}

// What version 0.1.0 saved names edges by marks.
std::optional<std::string> edge(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const auto value = mark(text) ? number(text.substr(2), 16, 0xffffffff) : std::nullopt;
    return value ? std::optional(edge_key(*value)) : std::nullopt;
  }
  const auto major = number(text.substr(0, colon), 16, 0xffff),
             minor = number(text.substr(colon + 1), 16, 0xffff);
  return major && minor ? std::optional(edge_key(*major << 16 | *minor)) : std::nullopt;
}

std::optional<std::string> part(std::string_view type, std::string_view text) {
  if (type == "ipv4_addr") return address(text, Ip::v4);
  if (type == "ipv6_addr") return address(text, Ip::v6);
  if (type == "nf_proto")
    return text == "ipv4" || text == "ipv6" ? std::optional(std::string(text)) : std::nullopt;
  if (type == "inet_proto") return decimal(text, 255);
  if (type == "inet_service") return decimal(text, 65535);
  if (type == "mark") return mark(text);
  if (type == "classid") return edge(text);
  return std::nullopt;
}

std::string_view take(std::string_view& rest) {
  const std::size_t dot = rest.find(kDot);
  const std::string_view first = rest.substr(0, dot);
  rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + kDot.size());
  return first;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Names of sets and chains, types and flags.
bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == '/' || c == '-';
  });
}

enum class Ends { none, statements };  // whether `;` may stand in it

// Outside of quotes: no comment, no variable, no escape, and braces in pairs.
bool is_text(std::string_view text, Ends ends = Ends::none) {
  int depth = 0;
  bool quoted = false;
  for (const char c : text) {
    if (is_control(c)) return false;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '#' || c == '$' || c == '\\' || c == '\'' || (c == ';' && ends == Ends::none)) return false;
    if (static_cast<unsigned char>(c) >= 0x80) return false;
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (depth < 0) return false;
  }
  return depth == 0 && !quoted;
}

bool is_comment(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '"' || is_control(c); });
}

bool is_plain(const Set& set) {
  return is_name(set.name) && is_text(set.type) && set.type.find('{') == std::string::npos &&
         std::all_of(set.flags.begin(), set.flags.end(), is_name) &&
         std::all_of(set.elements.begin(), set.elements.end(), [](const Element& element) {
           return is_text(element.key) && is_text(element.value) && is_comment(element.comment);
         });
}

// Within the braces of its chain a hook may have statements, and none of its own braces.
bool is_plain(const Chain& chain) {
  return is_name(chain.name) && is_text(chain.hook, Ends::statements) &&
         std::all_of(chain.rules.begin(), chain.rules.end(),
                     [](const std::string& rule) { return !rule.empty() && is_text(rule); });
}

}  // namespace

std::optional<std::string> parse_key(std::string_view type, std::string_view text) {
  std::string key;
  while (!type.empty() && !text.empty()) {
    const auto parsed = part(take(type), take(text));
    if (!parsed) return std::nullopt;
    key.append(key.empty() ? "" : kDot).append(*parsed);
  }
  return type.empty() && text.empty() && !key.empty() ? std::optional(key) : std::nullopt;
}

bool is_plain(const Ruleset& ruleset) {
  const auto plain = [](const auto& object) { return is_plain(object); };
  return std::all_of(ruleset.sets.begin(), ruleset.sets.end(), plain) &&
         std::all_of(ruleset.chains.begin(), ruleset.chains.end(), plain);
}

Ruleset parse_plain(std::string_view text) {
  constexpr std::string_view kTableBegins = "table inet knockwork {";
  const std::size_t begin = text.find(kTableBegins);
  if (begin == std::string_view::npos) throw std::runtime_error("no table");
  Ruleset ruleset = parse_listing(text.substr(begin)).ruleset;
  if (!is_plain(ruleset)) throw std::runtime_error("not plain");
  return ruleset;
}

}  // namespace knockwork
