// Words of configuration files, listings and messages.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace knockwork {

// Without the blanks around it: those of isspace(3) in the C locale.
constexpr std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\v\f\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

constexpr bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "a, b, c", of many the first ones: "a, b and 7 more".
template <typename Names>
std::string listed(const Names& names, std::size_t most = 10) {
  std::string text;
  for (std::size_t at = 0; at < std::min(names.size(), most); ++at)
    text.append(at == 0 ? "" : ", ").append(names[at]);
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

}  // namespace knockwork
