#include "ruleset/revocation/openers.hpp"

#include <algorithm>

namespace knockwork {

Openers::Openers(const std::vector<Track>& tracks) : tracks_(tracks) {
  for (const Track& track : tracks) {
    for (const Service& service : track.services) {
      std::vector<bool>& open = open_[service.protocol];
      open.resize(65536);
      std::fill(open.begin() + service.first, open.begin() + service.last + 1, true);
    }
  }
}

const std::vector<Openers::Use>& Openers::of(Protocol protocol, std::uint16_t port) {
  static const std::vector<Use> kNone;
  const auto open = open_.find(protocol);
  if (open == open_.end() || !open->second[port]) return kNone;
  const auto [at, first_time] = uses_.try_emplace({protocol, port});
  for (std::size_t each = 0; first_time && each < tracks_.size(); ++each) {
    for (const Service& service : tracks_[each].services) {
      if (service.protocol == protocol && service.first <= port && port <= service.last)
        at->second.push_back({&tracks_[each], service});
    }
  }
  return at->second;
}

}  // namespace knockwork
