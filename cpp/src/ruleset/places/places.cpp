#include "ruleset/places/places.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "ruleset/digest.hpp"

namespace knockwork {
namespace {

using ByNetwork = std::map<Network, std::vector<Door>>;  // doors that name a network
using Border = std::pair<Protocol, std::uint32_t>;       // where a stretch of ports starts

Network half(const Network& network, bool upper) {
  Network part = network;
  const std::size_t bit = part.prefix++;
  if (upper) part.bytes[bit / 8] = static_cast<std::uint8_t>(part.bytes[bit / 8] | (0x80U >> (bit % 8)));
  return part;
}

// Beside its addresses: what a port does not tell. Of `connections` all that shares them.
std::string conditions(const Door& door) {
  std::string text;
  if (door.connections > 0) {
    text = " " + std::to_string(door.connections) + " connections";
    for (const Service& service : door.together) text += ' ' + to_string(service);
    for (const Network& network : door.to) text += ' ' + to_string(network);
  }
  for (const std::string& interface : door.on) text += " on " + interface;
  return text;
}

std::string content(const Door& door) {
  std::string text = to_string(door.service);
  if (door.connections == 0) {
    for (const Network& network : door.to) text += ' ' + to_string(network);
  }
  return text + conditions(door);
}

std::pair<std::uint32_t, std::uint32_t> halves(std::uint64_t value) {
  return {static_cast<std::uint32_t>(value >> 32), static_cast<std::uint32_t>(value)};
}

class Cutter {
 public:
  explicit Cutter(const std::vector<Door>& doors) {
    for (const Door& door : doors) {
      for (const Network& network : door.to) named_[network].push_back(door);
    }
  }

  std::vector<Place> places() {
    for (const auto& [network, doors] : named_) without_inner(network, covering(network));
    return std::move(places_);
  }

 private:
  // The doors that name the network or one around it.
  std::vector<Door> covering(const Network& network) const {
    std::vector<Door> doors;
    for (int prefix = 0; prefix <= network.prefix; ++prefix) {
      const auto found = named_.find(widened(network, prefix));
      if (found != named_.end()) doors.insert(doors.end(), found->second.begin(), found->second.end());
    }
    std::sort(doors.begin(), doors.end());
    return doors;
  }

  // Sorted, a network stands right before all that it contains.
  bool has_inner(const Network& network) const {
    const auto next = named_.upper_bound(network);
    return next != named_.end() && contains(network, next->first);
  }

  // The network but those inside it that are named themselves, halved until nothing is left to leave out.
  void without_inner(const Network& network, const std::vector<Door>& doors) {
    if (!has_inner(network)) return cut_ports(network, doors);
    for (const bool upper : {false, true}) {
      const Network part = half(network, upper);
      if (!named_.contains(part)) without_inner(part, doors);
    }
  }

  void cut_ports(const Network& network, const std::vector<Door>& doors) {
    std::set<Border> borders;
    for (const Door& door : doors) {
      borders.insert({door.service.protocol, door.service.first});
      borders.insert({door.service.protocol, door.service.last + 1U});
    }
    for (auto border = borders.begin(); border != borders.end(); ++border) {
      const auto end = std::next(border);
      if (end == borders.end() || end->first != border->first) continue;
      Place place{network,
                  {border->first, static_cast<std::uint16_t>(border->second),
                   static_cast<std::uint16_t>(end->second - 1)},
                  {}};
      std::copy_if(doors.begin(), doors.end(), std::back_inserter(place.doors), [&](const Door& door) {
        return door.service.protocol == place.span.protocol && door.service.first <= place.span.first &&
               place.span.last <= door.service.last;
      });
      if (!place.doors.empty()) places_.push_back(std::move(place));
    }
  }

  ByNetwork named_;
  std::vector<Place> places_;
};

std::string doors_digest(const std::vector<Door>& doors) {
  std::string text;
  for (const Door& door : doors) text += content(door) + '\n';
  return short_digest(text);
}

}  // namespace

bool Place::cut() const {
  return std::any_of(doors.begin(), doors.end(), [](const Door& door) { return door.cut; });
}

bool Place::by_interface() const {
  return std::any_of(doors.begin(), doors.end(), [](const Door& door) { return !door.on.empty(); });
}

bool is_spared(const Place& place, const std::vector<Service>& cut_here) {
  return !place.cut() && std::any_of(cut_here.begin(), cut_here.end(), [&](const Service& service) {
    return service.protocol == place.span.protocol && service.first <= place.span.last &&
           place.span.first <= service.last;
  });
}

std::vector<Place> find_places(const std::vector<Door>& doors) { return Cutter(doors).places(); }

std::string place_chain(const Place& place) { return "to_" + doors_digest(place.doors); }
std::string cut_place_chain(const Place& place) { return "cut_" + place_chain(place); }
std::string routed_place_chain(const Place& place) { return "to_on_" + doors_digest(place.doors); }

std::pair<std::uint32_t, std::uint32_t> door_marks(const Door& door) { return halves(hash(content(door))); }

std::pair<std::uint32_t, std::uint32_t> connection_marks(const Door& door, int number) {
  return halves(hash(std::to_string(number) + " of" + conditions(door)));
}

}  // namespace knockwork
