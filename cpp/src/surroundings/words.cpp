#include "surroundings/words.hpp"

#include "text/words.hpp"

namespace knockwork {
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  bool quoted = false;
  int braces = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= line.size(); ++at) {
    const bool end = at == line.size();
    const char letter = end ? ' ' : line[at];
    if (letter == '"') quoted = !quoted;
    if (!quoted && letter == '{') ++braces;
    if (!quoted && letter == '}' && braces > 0) --braces;
    if (!end && (quoted || braces > 0 || (letter != ' ' && letter != '\t'))) continue;
    if (at > begin) words.push_back(line.substr(begin, at - begin));
    begin = at + 1;
  }
  return words;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted || text.substr(at, separator.size()) != separator) continue;
    parts.push_back(trimmed(text.substr(begin, at - begin)));
    begin = at + separator.size();
    at = begin - 1;
  }
  parts.push_back(trimmed(text.substr(begin)));
  return parts;
}

std::vector<std::string_view> items_of(std::string_view list) {
  if (list.starts_with('{')) list.remove_prefix(1);
  if (list.ends_with('}')) list.remove_suffix(1);
  return split(list, ",");
}

std::string_view without_quotes(std::string_view word) {
  return word.size() >= 2 && word.front() == '"' && word.back() == '"' ? word.substr(1, word.size() - 2)
                                                                       : word;
}

}  // namespace knockwork
