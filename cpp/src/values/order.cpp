// Which word was meant, and the orders of names and addresses.
#include <algorithm>
#include <numeric>

#include "knockwork/spec.hpp"
#include "knockwork/words.hpp"
#include "text/ascii.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kLongestSuggested = 32;  // characters of a word worth comparing

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (const char byte : left) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (byte == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

// The digits at the beginning, without leading zeros; the rest stays.
std::string_view take_number(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  std::string_view number = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(number.size());
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > kLongestSuggested) return std::nullopt;
  std::optional<std::string_view> best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view each : known) {
    const std::size_t distance = edit_distance(word, each);
    if (distance < least) least = distance, best = each;
  }
  return best;
}

bool natural_less(std::string_view one, std::string_view other) {
  std::string_view left = one, right = other;
  while (!left.empty() && !right.empty()) {
    if (is_digit(left.front()) && is_digit(right.front())) {
      const std::string_view number = take_number(left), second = take_number(right);
      if (number.size() != second.size()) return number.size() < second.size();
      if (number != second) return number < second;
    } else if (left.front() != right.front()) {
      return left.front() < right.front();
    } else {
      left.remove_prefix(1);
      right.remove_prefix(1);
    }
  }
  return left.empty() != right.empty() ? left.empty() : one < other;  // "a1" and "a01" are two names
}

bool source_less(std::string_view one, std::string_view other) {
  const auto left = parse_network(one), right = parse_network(other);
  if (!left || !right) return left.has_value() != right.has_value() ? left.has_value() : one < other;
  return *left < *right;
}

}  // namespace knockwork
