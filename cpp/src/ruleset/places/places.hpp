// Doors elsewhere than on this host, as elements that do not overlap.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "program/program.hpp"

namespace knockwork {

// A network and ports that the same doors cover.
struct Place {
  Network network;
  Service span;
  std::vector<Door> doors;  // never empty
  bool cut() const;
  bool by_interface() const;  // whether a grant for some of them is for some interfaces only
};

// Cuts addresses and ports so that no two places share one: the intervals of a map must not.
std::vector<Place> find_places(const std::vector<Door>& doors);

// Whether connections to the place go on although the same port on this host has some that end.
bool is_spared(const Place& place, const std::vector<Service>& cut_here);

std::string place_chain(const Place& place);      // "to_1a2b3c4d5e6f7081", by its doors
std::string cut_place_chain(const Place& place);  // "cut_to_…"
// "to_on_…", of a place by_interface(): it asks for the interface, which only a routed packet tells for sure.
std::string routed_place_chain(const Place& place);

// A door as two marks, the halves of a hash of its addresses and ports: a key of `reached`.
std::pair<std::uint32_t, std::uint32_t> door_marks(const Door& door);
// Of one of the connections that a grant of `Door::connections` lets in, from 1 on: the same for all of its
// services.
std::pair<std::uint32_t, std::uint32_t> connection_marks(const Door& door, int number);

}  // namespace knockwork
