#include "text/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/ascii.hpp"

namespace knockwork::spec {
namespace {

constexpr std::size_t kQuoteLimit = 40;

struct Range {
  char32_t first, last;
};

// Marks that sit on the character before them.
constexpr std::array<Range, 6> kCombining{
    {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x1ab0, 0x1aff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}}};

// East Asian wide characters and emoji, coarsely (Unicode TR 11).
constexpr std::array<Range, 11> kWide{{{0x1100, 0x115f},
                                       {0x2e80, 0x303e},
                                       {0x3041, 0xa4cf},
                                       {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},
                                       {0xffe0, 0xffe6},
                                       {0x1f300, 0x1f64f},
                                       {0x1f900, 0x1f9ff},
                                       {0x20000, 0x3fffd}}};

constexpr std::array<Range, 11> kUnprintable{{{0x00, 0x1f},
                                              {0x7f, 0x9f},
                                              {0xad, 0xad},
                                              {0x61c, 0x61c},
                                              {0x180e, 0x180e},
                                              {0x200b, 0x200f},
                                              {0x2028, 0x202e},
                                              {0x2060, 0x206f},
                                              {0xfeff, 0xfeff},
                                              {0xfff9, 0xfffb},
                                              {0xe0000, 0xe007f}}};

template <std::size_t Size>
bool within(const std::array<Range, Size>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return code >= range.first && code <= range.last; });
}

bool is_plain(char byte) { return (byte >= ' ' && byte < 0x7f) || byte == '\n' || byte == '\t'; }

std::string json_escape(char32_t code) {
  const auto unit = [](char32_t value) { return fmt::format("\\u{:04x}", static_cast<unsigned>(value)); };
  if (code < 0x10000) return unit(code);
  return unit(0xd800 + ((code - 0x10000) >> 10)) + unit(0xdc00 + ((code - 0x10000) & 0x3ff));
}

// Each character of `text` that is not plain, as `convert` says.
template <typename Convert>
std::string converted(std::string_view text, Convert convert) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t first = at;
    while (at < text.size() && is_plain(text[at])) ++at;
    result += text.substr(first, at - first);
    if (at == text.size()) break;
    const Character character = decode(text.substr(at));
    result += convert(character, text.substr(at, character.bytes));
    at += character.bytes;
  }
  return result;
}

}  // namespace

Character decode(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const Character invalid{lead, 1, false};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return invalid;
  char32_t code = lead & (0xffU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return invalid;
    code = (code << 6) | (byte(at) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return invalid;
  return {code, length, true};
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += decode(text.substr(at)).bytes) ++count;
  return count;
}

int columns(char32_t code) { return within(kCombining, code) ? 0 : within(kWide, code) ? 2 : 1; }

bool is_unprintable(char32_t code) { return within(kUnprintable, code); }

std::string shown(const Character& character, std::string_view bytes) {
  if (!character.valid || (character.code < 0x80 && is_unprintable(character.code))) {
    return fmt::format("\\x{:02x}", static_cast<unsigned>(character.code));
  }
  if (is_unprintable(character.code)) {
    return fmt::format("\\u{{{:x}}}", static_cast<unsigned>(character.code));
  }
  return std::string(bytes.substr(0, character.bytes));
}

std::string harmless(std::string_view text) { return converted(text, shown); }

std::string harmless_json(std::string text) {
  if (std::all_of(text.begin(), text.end(), is_plain)) return text;
  return converted(text, [](const Character& character, std::string_view bytes) {
    return is_unprintable(character.code) ? json_escape(character.code) : std::string(bytes);
  });
}

namespace {

constexpr const char* kHidden = "(hidden)";

bool are_protocol(std::string_view letters) {
  const auto same = [&](std::string_view name) {
    return letters.size() >= name.size() &&
           std::equal(name.begin(), name.end(), letters.begin(), [](char left, char right) {
             return left == static_cast<char>(static_cast<unsigned char>(right) | 0x20U);
           });
  };
  return same("tcp") || same("udp");
}

// "7000/udp", "7000:UDP" and "udp/7000", wherever they stand in it.
bool names_port(std::string_view text) {
  for (std::size_t at = 1; at + 1 < text.size(); ++at) {
    if (text[at] != '/' && text[at] != ':') continue;
    if (is_digit(text[at - 1]) && are_protocol(text.substr(at + 1))) return true;
    if (at >= 3 && are_protocol(text.substr(at - 3)) && is_digit(text[at + 1])) return true;
  }
  return false;
}

// Digits, and what may stand between the ports of a list or a range.
bool is_numbers(std::string_view text) {
  return text.find_first_not_of("0123456789 ,-+[]/") == std::string_view::npos;
}

bool has_number(std::string_view text) {
  return std::adjacent_find(text.begin(), text.end(), [](char left, char right) {
           return is_digit(left) && is_digit(right);
         }) != text.end();
}

std::string quoted(std::string_view text) {
  std::string quoted = "`";
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (count++ == kQuoteLimit) {
      quoted += "…";
      break;
    }
    const Character character = decode(text.substr(at));
    quoted += shown(character, text.substr(at));
    at += character.bytes;
  }
  return quoted + '`';
}

}  // namespace

std::string quote(std::string_view text) {
  return names_port(text) || (is_numbers(text) && has_number(text)) ? kHidden : quoted(text);
}

std::string quote_name(std::string_view text) { return quoted(text); }

std::string quote_key(std::string_view text) { return has_number(text) ? kHidden : quoted(text); }

}  // namespace knockwork::spec
