#include "capture/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "knockwork/derive.hpp"

namespace knockwork {
namespace {

constexpr Losses kMostLosses = 7;  // on one day, as clients try them

UnixTime by(const Duration& duration) { return UnixTime(duration.milliseconds()); }

}  // namespace

CapturedTokens::CapturedTokens(const Spec& spec) {
  TokenKeys keys;
  for (const Sequence& sequence : spec.sequences) {
    if (!sequence.token) continue;
    const TokenKey key = keys.key(*sequence.token, sequence.name, own_host_name());
    drawn_.push_back({sequence.name, *sequence.token, TokenDrawer(key, sequence.token->period), {}});
  }
}

std::string CapturedTokens::name(std::uint16_t port, UnixTime at, std::string_view payload) {
  TokenBytes bytes{};
  if (payload.size() < bytes.size()) return "";
  std::copy_n(payload.begin(), bytes.size(), bytes.begin());
  for (Drawn& each : drawn_) {
    if (each.token.port.port != port) continue;
    const Window last = window_at(each.token.period, at + by(each.token.ahead));
    for (Window window = window_at(each.token.period, at - by(each.token.skew)); window <= last; ++window) {
      for (Losses losses = 0; losses <= kMostLosses; ++losses) {
        if (each.drawer.at(window, losses) != bytes) continue;
        const std::size_t number = each.numbers.try_emplace(bytes, each.numbers.size() + 1).first->second;
        return fmt::format("token={}:{}", each.sequence, number);
      }
    }
  }
  return "";
}

}  // namespace knockwork
