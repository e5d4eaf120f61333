#include "tokens/feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "crypto/crypto.hpp"
#include "knockwork/diagnostic.hpp"
#include "ruleset/tokens.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// How far a clock may be set unnoticed: tokens are remembered for longer than that (Program::token_memory),
// and the kernel accepts none that much earlier (the set `good`).
constexpr milliseconds kUnnoticed{60'000};

milliseconds of(Duration duration) { return milliseconds(duration.milliseconds()); }

std::uint64_t day(UnixTime time) {
  return day_of(Duration::milliseconds(1), static_cast<Window>(std::max<std::int64_t>(time.count(), 0)));
}

// Tells one key from another: a hash of a hash of it.
std::string check_of(TokenDrawer& drawer) {
  const TokenBytes never = drawer.at(UINT64_MAX, UINT32_MAX);
  const crypto::Digest digest = crypto::sha256({reinterpret_cast<const char*>(never.data()), never.size()});
  return crypto::to_hex(digest).substr(0, 16);
}

// Those on which a token begins that the table gets now.
Days days_from(UnixTime now, const Token& token) {
  return {day(now - of(token.skew) - of(token.period)), day(now + of(token.ahead))};
}

std::chrono::seconds in_seconds(UnixTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

// The tokens of the windows from the first to before the second.
void add_entries(const TokenRecord& record, const TokenRecord::Sequence& sequence, TokenDrawer& drawer,
                 std::pair<Window, Window> windows, UnixTime now, std::vector<TokenEntry>& entries) {
  const Token& token = sequence.feed.token;
  for (Window window = windows.first; window < windows.second; ++window) {
    const std::uint64_t begins = day_of(token.period, window);
    entries.push_back({drawer.at(window, record.lost.on(begins) + sequence.lost.on(begins)),
                       start_of(token.period, window + 1) + of(token.skew) - now, sequence.feed.edge});
  }
}

class Feeding {
 public:
  Feeding(TokenRecord record, const Moment& now, NoKey no_key, std::vector<std::string>& warnings)
      : record_(std::move(record)),
        now_(now.wall),
        offset_(now.wall - now.awake),
        no_key_(no_key),
        warnings_(warnings) {}

  Fed fed(const std::vector<TokenFeed>& wanted, UsedTokens used) {
    anew_ = used == UsedTokens::forgotten;
    const milliseconds set = offset_ - record_.offset;
    if (anew_ || set < -kUnnoticed) lose_all(wanted);
    outlive_ = set > kUnnoticed;
    for (auto& [name, sequence] : record_.sequences) leave_out(wanted, sequence);
    for (const TokenFeed& feed : wanted) take_up(feed);
    const bool due = whole() || std::any_of(record_.sequences.begin(), record_.sequences.end(),
                                            [this](const auto& each) { return runs_low(each.second); });
    Fed fed;
    fed.kind = anew_ ? Fed::Kind::anew : due ? Fed::Kind::topped_up : Fed::Kind::enough;
    if (due && !wanted.empty()) fed.transaction = transaction();
    if (whole()) record_.offset = offset_;
    fed.replaced = std::move(replaced_);
    fed.record = std::move(record_);
    return fed;
  }

 private:
  // Whether all tokens are put there, in place of those that are.
  bool whole() const { return anew_ || outlive_; }

  bool runs_low(const TokenRecord::Sequence& sequence) const {
    return sequence.present && sequence.loaded_to - now_ < of(sequence.feed.token.ahead) / 2;
  }

  // One loss for all, on every day that concerns any of them.
  void lose_all(const std::vector<TokenFeed>& wanted) {
    anew_ = lost_all_ = true;
    if (record_.sequences.empty()) return;
    std::vector<Days> days;
    days.reserve(wanted.size() + record_.sequences.size());
    for (const TokenFeed& feed : wanted) days.push_back(days_from(now_, feed.token));
    for (auto& [name, sequence] : record_.sequences) {
      days.insert(days.end(), sequence.loaded.begin(), sequence.loaded.end());
      sequence.loaded.clear();
    }
    for (const Days& each : fewest(std::move(days))) record_.lost.add(each);
  }

  void lose(TokenRecord::Sequence& sequence, const TokenFeed& feed) const {
    std::vector<Days> days = std::move(sequence.loaded);
    days.push_back(days_from(now_, feed.token));
    for (const Days& each : fewest(std::move(days))) sequence.lost.add(each);
    sequence.loaded.clear();
  }

  void leave_out(const std::vector<TokenFeed>& wanted, TokenRecord::Sequence& sequence) {
    const bool stays = std::any_of(wanted.begin(), wanted.end(),
                                   [&](const TokenFeed& feed) { return feed.name == sequence.feed.name; });
    if (stays || !sequence.present) return;
    sequence.present = false;
    crypto::wipe(sequence.feed.token.key);
    sequence.feed.token.key.clear();
    anew_ = true;
  }

  void take_up(const TokenFeed& feed) {
    auto drawer = drawer_of(feed);
    if (!drawer) return;
    const std::string check = check_of(*drawer);
    const auto [found, added] = record_.sequences.try_emplace(feed.name);
    TokenRecord::Sequence& sequence = found->second;
    const bool same = sequence.present && sequence.feed == feed && sequence.check == check;
    if (!added && (lost_all_ || !same)) replaced_.push_back(feed.name);
    if (!same) {
      anew_ = true;
      if (!added) lose(sequence, feed);
      sequence.feed = feed;
      sequence.check = check;
      sequence.present = true;
    }
    drawers_.emplace(feed.name, std::move(*drawer));
  }

  std::optional<TokenDrawer> drawer_of(const TokenFeed& feed) {
    try {
      return TokenDrawer(keys_.key(feed.token, feed.name, feed.token.host), feed.token.period);
    } catch (const SystemError& error) {
      if (no_key_ == NoKey::refused) throw;
      warnings_.push_back(fmt::format("{} gets no tokens: {}", feed.name, error.what()));
      return std::nullopt;
    }
  }

  Transaction transaction() {
    std::vector<TokenEntry> entries;
    UnixTime last = now_;
    for (auto& [name, sequence] : record_.sequences) {
      const auto drawer = drawers_.find(name);
      if (drawer == drawers_.end() && whole()) sequence.present = false;  // its tokens go with all others
      if (!sequence.present) continue;
      if (drawer != drawers_.end()) put(sequence, drawer->second, entries);
      last = std::max(last, sequence.loaded_to + of(sequence.feed.token.skew));
    }
    return put_tokens(entries, in_seconds(now_ - kUnnoticed), in_seconds(last), whole());
  }

  // From where the record ends, or all of them; up to `ahead` from now.
  void put(TokenRecord::Sequence& sequence, TokenDrawer& drawer, std::vector<TokenEntry>& entries) {
    const Token& token = sequence.feed.token;
    const Window oldest = window_at(token.period, now_ - of(token.skew));
    const Window first = whole() ? oldest : std::max(oldest, window_at(token.period, sequence.loaded_to));
    const Window end = window_at(token.period, now_ + of(token.ahead)) + 1;
    add_entries(record_, sequence, drawer, {first, end}, now_, entries);
    if (first < end) {
      sequence.loaded.push_back({day_of(token.period, first), day_of(token.period, end - 1)});
      sequence.loaded = fewest(std::move(sequence.loaded));
    }
    sequence.loaded_to = std::max(whole() ? UnixTime{0} : sequence.loaded_to, start_of(token.period, end));
  }

  TokenRecord record_;
  UnixTime now_;
  milliseconds offset_;
  NoKey no_key_;
  std::vector<std::string>& warnings_;
  TokenKeys keys_;
  std::map<std::string, TokenDrawer> drawers_;
  std::vector<std::string> replaced_;
  bool anew_ = false, lost_all_ = false;
  bool outlive_ = false;  // tokens in the table would their windows
};

}  // namespace

Fed feed(const std::vector<TokenFeed>& wanted, TokenRecord record, UsedTokens used, const Moment& now,
         NoKey no_key, std::vector<std::string>& warnings) {
  return Feeding(std::move(record), now, no_key, warnings).fed(wanted, used);
}

TokensThere tokens_there(const LiveTable& live, const TokenRecord& record, const Moment& moment) {
  const UnixTime now = moment.wall;
  const milliseconds outlived = std::max(milliseconds{0}, now - moment.awake - record.offset);
  constexpr milliseconds kSoon{2000};  // what ends about now may be gone already, or not yet
  TokenKeys keys;
  std::vector<TokenEntry> certain, possible;
  bool all_known = true;
  for (const auto& [name, sequence] : record.sequences) {
    if (!sequence.present) continue;
    try {
      const Token& token = sequence.feed.token;
      TokenDrawer drawer(keys.key(token, name, token.host), token.period);
      const Window end = window_at(token.period, sequence.loaded_to);
      const UnixTime oldest = now - of(token.skew);
      const Window first = window_at(token.period, oldest + kSoon);
      add_entries(record, sequence, drawer, {first, end}, now, certain);
      // No more than were put there at once, however far the clock was set.
      const UnixTime began = sequence.loaded_to - of(token.ahead) - of(token.skew) - 3 * of(token.period);
      const UnixTime ended = oldest - of(token.period) - kSoon - outlived;
      add_entries(record, sequence, drawer,
                  {window_at(token.period, std::max(began, ended)), std::min(first, end)}, now, possible);
    } catch (const SystemError&) {
      all_known = false;
    }
  }
  TokensThere there{certain.size(), certain.size() - count_in(kTokens, live, certain), 0,
                    count_all(kGood, live) > 0};
  const std::size_t known = certain.size() - there.missing + count_in(kTokens, live, possible);
  if (all_known) there.strangers = count_all(kTokens, live) - known;
  if (certain.empty()) there.good = true;
  return there;
}

}  // namespace knockwork
