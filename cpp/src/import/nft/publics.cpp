#include "import/nft/publics.hpp"

#include <algorithm>

#include "values/values.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kPorts = 65'536;
constexpr std::size_t kMostBounds = 4'000;  // of one file

}  // namespace

PublicPorts::PublicPorts(const NftRules& rules, std::vector<Service> knocked)
    : rules_(rules), knocked_(std::move(knocked)) {
  for (const auto& [name, chain] : rules.chains()) {
    for (const NftRules::Rule& each : chain) {
      for (const Service& service : each.rule.ports) {
        bounds_[service.protocol].insert(service.first);
        bounds_[service.protocol].insert(std::uint32_t{service.last} + 1);
      }
    }
  }
}

bool PublicPorts::is_knocked(const Service& service) const {
  return std::any_of(knocked_.begin(), knocked_.end(), [&](const Service& each) {
    return each.protocol == service.protocol && each.first <= service.first && service.last <= each.last;
  });
}

const PublicPorts::Piece& PublicPorts::piece(Protocol protocol, std::uint16_t port) {
  const auto [found, is_new] = pieces_.try_emplace({protocol, port});
  Piece& piece = found->second;
  if (!is_new || bounds_[protocol].size() > kMostBounds) return piece;
  piece.knocked = is_knocked({protocol, port, port});
  const NftFate ipv4 = rules_.fate({protocol, port, false, {}});
  const NftFate ipv6 = rules_.fate({protocol, port, true, {}});
  if (!ipv4.refused) piece.to = ipv6.refused ? To::ipv4 : To::both;
  if (ipv4.refused && !ipv6.refused) piece.to = To::ipv6;
  piece.line = ipv4.refused ? ipv4.line : ipv6.line;
  return piece;
}

PublicPorts::Answer PublicPorts::take(const std::vector<Service>& services) {
  Answer answer;
  for (const Service& service : services) {
    const auto& bounds = bounds_[service.protocol];
    for (std::uint32_t first = service.first; first <= service.last;) {
      const auto bound = bounds.upper_bound(first);
      const std::uint32_t end = bound == bounds.end() ? std::uint32_t{service.last} + 1
                                                      : std::min(*bound, std::uint32_t{service.last} + 1);
      const Piece& each = piece(service.protocol, static_cast<std::uint16_t>(first));
      answer.knocked = answer.knocked || each.knocked;
      if (!each.knocked) {
        answer.open = answer.open || each.to == To::both;
        answer.halved = answer.halved || each.to == To::ipv4 || each.to == To::ipv6;
        answer.refused = answer.refused || each.to == To::nobody;
        const bool nobody = each.to == To::nobody;
        int& line = nobody ? answer.line : answer.half_line;
        if (line == 0 && each.to != To::both) line = each.line;
        auto& open = open_[{service.protocol, each.to}];
        open.resize(kPorts, false);
        std::fill(open.begin() + first, open.begin() + end, true);
      }
      first = end;
    }
  }
  return answer;
}

std::vector<PublicRule> PublicPorts::rules() const {
  std::vector<PublicRule> rules;
  for (const auto& [key, open] : open_) {
    const auto& [protocol, to] = key;
    if (to == To::nobody) continue;
    for (auto first = std::find(open.begin(), open.end(), true); first != open.end();) {
      const auto end = std::find(first, open.end(), false);
      PublicRule rule;
      rule.service = Service{protocol, static_cast<std::uint16_t>(first - open.begin()),
                             static_cast<std::uint16_t>(end - open.begin() - 1)};
      if (to != To::both) rule.from = {*parse_network(to == To::ipv4 ? "0.0.0.0/0" : "::/0")};
      rules.push_back(std::move(rule));
      first = std::find(end, open.end(), true);
    }
  }
  return rules;
}

}  // namespace knockwork
