#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "facade/fingerprint.hpp"
#include "facade/interfaces.hpp"
#include "facade/pending.hpp"
#include "facade/way_in.hpp"
#include "knockwork/kernel.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {
namespace {

const std::vector<LiveElement>& elements(const LiveTable& live, const char* set) {
  static const std::vector<LiveElement> kNone;
  const auto found = live.live.find(set);
  return found == live.live.end() ? kNone : found->second;
}

std::string address_of(const std::string& key) { return key.substr(0, key.find(" . ")); }

std::vector<Holder> grants(const LiveTable& live, const std::vector<Track>& tracks, int prefix6) {
  std::unordered_map<std::string, std::string> names;
  for (const Track& track : tracks) names.emplace(edge_key(track.edges.back().id), track.name);
  std::vector<Holder> holders;
  const std::string by = prefix6 == 128 ? "" : fmt::format("/{}", prefix6);
  for (const auto& [set, prefix] : {std::pair{"holders4", std::string()}, std::pair{"holders6", by}}) {
    for (const LiveElement& element : elements(live, set)) {
      const auto name = names.find(element.key.substr(element.key.rfind(' ') + 1));
      holders.push_back({address_of(element.key) + prefix,
                         name == names.end() ? "a sequence that is gone" : name->second, element.expires});
    }
  }
  return holders;
}

// A source may be locked out twice, by a wrong knock and as a stray: the longer one counts.
std::vector<Holder> lockouts(const LiveTable& live, int prefix6) {
  std::map<std::string, std::chrono::milliseconds> longest;
  const std::string by = fmt::format("/{}", std::min(64, prefix6));
  for (const auto& [set, prefix] : {std::pair{"locked4", std::string()}, std::pair{"strays4", std::string()},
                                    std::pair{"locked6", by}, std::pair{"strays6", by}}) {
    for (const LiveElement& element : elements(live, set)) {
      auto& time = longest[element.key + prefix];
      time = std::max(time, element.expires);
    }
  }
  std::vector<Holder> locked;
  locked.reserve(longest.size());
  for (const auto& [address, time] : longest) locked.push_back({address, "", time});
  return locked;
}

int half_done(const LiveTable& live) {
  std::set<std::string> sources;
  for (const char* set : {"expected4", "expected6"}) {
    for (const LiveElement& element : elements(live, set)) sources.insert(address_of(element.key));
  }
  return static_cast<int>(sources.size());
}

void sort(std::vector<Holder>& holders) {
  std::sort(holders.begin(), holders.end(), [](const Holder& left, const Holder& right) {
    return std::tie(left.address, left.sequence) < std::tie(right.address, right.sequence);
  });
}

}  // namespace

Status status(Kernel& kernel, const Settings& settings) {
  const std::optional<LiveTable> live = kernel.read();
  Status status;
  if (const auto pending = read_pending()) status.pending = waiting(*pending, boot_clock());
  if (!live || !live->ours) return status;
  status.present = true;
  status.mode = is_stealth(live->ruleset) ? "stealth" : "gate";
  const Fingerprints fingerprints = Fingerprints::of_this_host(MissingKey::do_without);
  const Shown hidden = fingerprints.shown(Ports::hidden);
  const Shown revealed = fingerprints.shown(Ports::revealed);
  const std::vector<Track> tracks = decompile(live->ruleset);
  std::set<std::string> spent;
  for (const LiveElement& element : elements(*live, "spent")) spent.insert(element.key);
  for (const Track& track : tracks) {
    status.sequences.push_back({track.name, hidden.knocks(track), static_cast<int>(track.edges.size()),
                                static_cast<int>(track.services.size()),
                                settings.ports == Ports::revealed ? revealed.services(track.services) : "",
                                track.once, spent.contains(edge_key(track.edges.back().id))});
  }
  const int prefix6 = ipv6_prefix(live->ruleset).value_or(128);
  status.grants = grants(*live, tracks, prefix6);
  status.lockouts = lockouts(*live, prefix6);
  sort(status.grants);
  status.half_done = half_done(*live);
  if (const auto interfaces = program_of(live->ruleset).interfaces; !interfaces.empty()) {
    status.warnings = interface_warnings(interfaces, kernel.links());
  }
  return status;
}

}  // namespace knockwork
