// A line of nftables as words: what stands in quotes or braces is one.
#pragma once

#include <string_view>
#include <vector>

namespace knockwork {

std::vector<std::string_view> words_of(std::string_view line);

// The items of "{ a, b : c }", or of "a,b".
std::vector<std::string_view> items_of(std::string_view list);

// Cuts at `separator`, outside of quotes.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);

std::string_view without_quotes(std::string_view word);

}  // namespace knockwork
