// Durations: "1m30s" and back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "knockwork/words.hpp"
#include "text/ascii.hpp"
#include "text/utf8.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 6> kUnits{
    {{"w", 604'800'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::size_t kMostDigits = 10;  // no overflow, whatever the units
constexpr std::int64_t kMostCount = 9'999'999'999;

constexpr const char* kRemedy = "write it as 5s, 500ms, 1m30s, 2h or 1d";

using spec::refuse;

tl::unexpected<spec::Fault> too_long() {
  return refuse("a duration of more than 30 days",
                fmt::format("the longest is {}", to_string(spec::kLongest)));
}

spec::Parsed<Duration> check(std::int64_t ms) {
  if (ms == 0)
    return refuse("a duration of zero", fmt::format("the shortest is {}", to_string(spec::kShortest)));
  if (ms % 100 != 0) {
    const Duration nearest = Duration::milliseconds((ms + 99) / 100 * 100);
    return refuse("not a multiple of 100ms",
                  fmt::format("write {}: the kernel does not keep finer durations", to_string(nearest)));
  }
  return Duration::milliseconds(ms);
}

}  // namespace

std::string to_string(Duration duration) {
  std::int64_t rest = duration.milliseconds();
  if (rest == 0) return "0s";
  std::string text;
  for (const Unit& unit : kUnits) {
    if (unit.name == "w") continue;  // read, but written as days, as the kernel's tools do
    if (rest >= unit.ms) text += fmt::format("{}{}", rest / unit.ms, unit.name);
    rest %= unit.ms;
  }
  return text;
}

std::string time_left(std::chrono::milliseconds time) {
  constexpr int kUnitsShown = 2;
  std::int64_t rest = (std::max<std::int64_t>(time.count(), 0) + 999) / 1000 * 1000;
  if (rest == 0) return "0s";
  std::string text;
  int shown = 0;
  for (const Unit& unit : kUnits) {
    if (unit.name == "w" || (shown == 0 && rest < unit.ms)) continue;
    if (shown++ == kUnitsShown) break;
    if (rest >= unit.ms) text += fmt::format("{}{}", rest / unit.ms, unit.name);
    rest %= unit.ms;
  }
  return text;
}

std::int64_t tokens_at_once(const Token& token) {
  return (token.ahead.milliseconds() + token.skew.milliseconds()) / token.period.milliseconds() + 1;
}

spec::Parsed<std::chrono::milliseconds> spec::parse_any_time(std::string_view text) {
  const std::string message = quote(text) + " is not a duration";
  std::int64_t ms = 0;
  std::size_t next_unit = 0;  // units come in falling order, each at most once
  for (std::string_view rest = text; !rest.empty();) {
    std::size_t digits = 0;
    while (digits < rest.size() && is_digit(rest[digits])) ++digits;
    if (digits == 0) return refuse(message, kRemedy);
    std::int64_t count = kMostCount;
    if (digits <= kMostDigits) std::from_chars(rest.data(), rest.data() + digits, count);
    rest.remove_prefix(digits);
    if (rest.empty())
      return tl::unexpected(Fault{"a duration without a unit", "add one: s for seconds, m for minutes",
                                  fmt::format("write {0}s for seconds, {0}m for minutes", text)});
    std::size_t letters = 0;
    while (letters < rest.size() && !is_digit(rest[letters])) ++letters;
    while (next_unit < kUnits.size() && kUnits[next_unit].name != rest.substr(0, letters)) ++next_unit;
    if (next_unit == kUnits.size()) return refuse(message, kRemedy);
    ms += count * kUnits[next_unit++].ms;
    rest.remove_prefix(letters);
  }
  if (text.empty()) return refuse(message, kRemedy);
  return std::chrono::milliseconds(ms);
}

spec::Parsed<Duration> spec::parse_duration(std::string_view text) {
  const auto span = parse_any_time(text);
  if (!span) return tl::unexpected(span.error());
  if (*span > std::chrono::milliseconds(kLongest.milliseconds())) return too_long();
  return check(span->count());
}

}  // namespace knockwork
