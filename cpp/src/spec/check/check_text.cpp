#include <fmt/format.h>

#include "text/utf8.hpp"
#include "yaml/parse.hpp"

namespace knockwork::spec {
namespace {

Outcome refuse(const Document& document, std::size_t offset, Faults& faults, Fault fault) {
  faults.at(document, offset, 1, std::move(fault));
  return Outcome::refused;
}

Fault control_fault(char32_t code) {
  if (code == 0) return {"a NUL byte", "this is not a text file, or it is UTF-16: save it as UTF-8"};
  if (code == '\r') return {"a carriage return without a line feed", "end lines with a line feed"};
  return {fmt::format("control character U+{:04X}", static_cast<unsigned>(code)), "remove it"};
}

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

}  // namespace

Outcome check_text(const Document& document, Faults& faults) {
  const std::string_view text = document.text();
  if (text.size() > kLongestText) {
    faults.in(document, {fmt::format("larger than {} MiB", kLongestText >> 20), "is this the right file?"});
    return Outcome::refused;
  }
  std::size_t word = 0;  // where the current word starts
  for (std::size_t at = 0; at < text.size();) {
    const char byte = text[at];
    if (byte == ' ' || byte == ',' || byte == '\n' || byte == '\t') {
      word = ++at;
      continue;
    }
    if (at - word >= kLongestWord) {
      return refuse(document, word, faults,
                    {fmt::format("a word of more than {} bytes", kLongestWord),
                     "nothing in a declaration is that long: is this the right file?"});
    }
    if (byte > ' ' && byte < 0x7f) {
      ++at;
      continue;
    }
    const Character character = decode(text.substr(at));
    if (!character.valid) return refuse(document, at, faults, {"not UTF-8", "save the file as UTF-8"});
    const bool line_end = byte == '\r' && text.substr(at + 1).starts_with('\n');
    if (is_control(character.code) && !line_end) {
      return refuse(document, at, faults, control_fault(character.code));
    }
    at += character.bytes;
  }
  return Outcome::parsed;
}

}  // namespace knockwork::spec
