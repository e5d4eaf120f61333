#include "grants/named.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "values/values.hpp"

namespace knockwork {

std::vector<Track> tracks_named(const LiveTable& live, const std::string& name) {
  std::vector<Track> tracks = decompile(live.ruleset);
  const bool exact =
      std::any_of(tracks.begin(), tracks.end(), [&](const Track& each) { return each.name == name; });
  std::erase_if(tracks, [&](const Track& each) {
    const bool epoch = epoch_of(each.name) && each.name.substr(0, each.name.find('#')) == name;
    return exact ? each.name != name : !epoch;
  });
  if (tracks.empty()) {
    throw SystemError(fmt::format("the live table has no sequence {}: see `knockwork status`", name));
  }
  std::sort(tracks.begin(), tracks.end(),
            [](const Track& one, const Track& other) { return epoch_of(one.name) < epoch_of(other.name); });
  return tracks;
}

Network source_argument(const std::string& text) {
  const auto network = spec::parse_declared_network(text);
  if (network) return *network;
  std::string remedy = network.error().remedy;
  std::erase(remedy, '"');  // which YAML wants around an IPv6 network
  throw SystemError(fmt::format("{}: {}", network.error().message, remedy));
}

}  // namespace knockwork
