// The file has a line for each key: `KEY/PERIOD TAKEN OPENED DAY:LOSSES…`.
#include "client/tokens/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "client/tokens/shared_file.hpp"
#include "host/user.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

using Entries = std::map<std::string, TokenMemory::Entry>;

constexpr std::int64_t kTwoDays = 2LL * 24 * 3600 * 1000;
// Windows so far ahead are of another clock than this.
constexpr Window kMostAhead = 40;

// What cannot be read is forgotten.
Entries parse(const std::string& text) {
  Entries entries;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    TokenMemory::Entry entry;
    if (!(words >> name >> entry.taken >> entry.opened)) continue;
    std::uint64_t day = 0;
    Losses losses = 0;
    for (char colon = 0; words >> day >> colon >> losses;) entry.found[day] = losses;
    entries[name] = std::move(entry);
  }
  return entries;
}

std::int64_t period_of(const std::string& name) {
  return std::strtoll(name.substr(name.find('/') + 1).c_str(), nullptr, 10);
}

bool is_old(const std::string& name, const TokenMemory::Entry& entry, UnixTime now) {
  const std::int64_t period = period_of(name);
  if (period <= 0) return true;
  const auto most = static_cast<Window>((now.count() + kTwoDays) / period);
  const auto least = static_cast<Window>(std::max<std::int64_t>(now.count() - kTwoDays, 0) / period);
  return entry.taken < least || entry.taken > most;
}

std::string written(const Entries& entries, UnixTime now) {
  std::string text;
  for (const auto& [name, entry] : entries) {
    if (is_old(name, entry, now)) continue;
    text += fmt::format("{} {} {}", name, entry.taken, entry.opened);
    for (const auto& [day, losses] : entry.found) text += fmt::format(" {}:{}", day, losses);
    text += '\n';
  }
  return text;
}

}  // namespace

TokenMemory::TokenMemory(std::string key, Duration period, std::filesystem::path file)
    : name_(fmt::format("{}/{}", key, period.milliseconds())), period_(period), file_(std::move(file)) {}

template <typename Change>
void TokenMemory::change(const Change& change) {
  bool changed = false;
  try {
    if (!file_.empty()) {
      SharedFile file(file_);
      Entries entries = parse(file.read());
      Entry& entry = entries[name_];
      change(entry);
      changed = true;
      entry_ = entry;
      file.write(written(entries, start_of(period_, std::max(entry.taken, last_))));
    }
  } catch (const SystemError& error) {
    trouble_ = error.what();
    file_.clear();
  }
  if (!changed) change(entry_);
}

Window TokenMemory::take(Window earliest) {
  change([&](Entry& entry) {
    const auto fits = [&](Window last) { return last + 1 >= earliest && last < earliest + kMostAhead; };
    const Window next = fits(entry.taken)    ? entry.taken + 1
                        : fits(entry.opened) ? entry.opened + 1
                                             : earliest;
    entry.taken = last_ = next;
    const std::uint64_t day = day_of(period_, next);
    std::erase_if(entry.found,
                  [&](const auto& each) { return each.first + 2 < day || each.first > day + 2; });
  });
  return last_;
}

Losses TokenMemory::losses(Window window) const {
  const auto found = entry_.found.find(day_of(period_, window));
  return found == entry_.found.end() ? 0 : found->second;
}

void TokenMemory::opened(Window window, Losses losses) {
  change([&](Entry& entry) {
    entry.opened = std::max(entry.opened, last_);
    if (losses != 0 || entry.found.count(day_of(period_, window)) != 0)
      entry.found[day_of(period_, window)] = losses;
  });
}

void TokenMemory::give_back() {
  if (last_ == 0) return;
  change([&](Entry& entry) {
    if (entry.taken == last_) entry.taken = entry.opened;
  });
}

std::filesystem::path token_memory_file() {
  try {
    return state_folder() / "tokens";
  } catch (const SystemError&) {
    return {};
  }
}

}  // namespace knockwork
