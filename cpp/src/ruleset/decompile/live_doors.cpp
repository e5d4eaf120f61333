#include "ruleset/decompile/live_doors.hpp"

#include <algorithm>
#include <charconv>

namespace knockwork {
namespace {

std::optional<std::uint16_t> port(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Of `… . meta mark & M | M . meta mark & N | N @reached4 accept`: "M . N".
std::string marks_of(std::string_view rule) {
  constexpr std::size_t kMark = 10;  // "0x1a2b3c4d"
  const std::size_t first = rule.find(" | "), second = rule.rfind(" | ");
  if (rule.find(" @reached") == std::string_view::npos || second == first) return {};
  return std::string(rule.substr(first + 3, kMark)) + " . " + std::string(rule.substr(second + 3, kMark));
}

}  // namespace

std::optional<Service> parse_ports(std::string_view key) {
  const std::size_t dot = key.find(" . ");
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view protocol = key.substr(0, dot), ports = key.substr(dot + 3);
  const std::size_t dash = ports.find('-');
  const auto first = port(ports.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : port(ports.substr(dash + 1));
  if ((protocol != "6" && protocol != "17") || !first || !last) return std::nullopt;
  return Service{protocol == "6" ? Protocol::tcp : Protocol::udp, *first, *last};
}

LiveDoors::LiveDoors(const Ruleset& ruleset) {
  for (const char* map : {"places4", "places6", "cut_places4", "cut_places6"}) read_places(ruleset, map);
  for (auto& [marks, door] : doors_) door.to = fewest(std::move(door.to));
  for (const char* map : {"doors", "door_ranges"}) read_conditional(ruleset, map);
}

void LiveDoors::read_places(const Ruleset& ruleset, const std::string& map) {
  const Set* set = ruleset.set(map);
  if (set == nullptr) return;
  for (const Element& element : set->elements) {
    const std::size_t dot = element.key.find(" . ");
    const auto network = parse_network(std::string_view(element.key).substr(0, dot));
    const auto span =
        dot == std::string::npos ? std::nullopt : parse_ports(std::string_view(element.key).substr(dot + 3));
    const Chain* chain =
        element.value.starts_with("goto ") ? ruleset.chain(element.value.substr(5)) : nullptr;
    if (!network || !span || chain == nullptr) continue;
    for (const std::string& rule : chain->rules) {
      const std::string marks = marks_of(rule);
      if (marks.empty()) continue;
      Door& door = doors_.try_emplace(marks, Door{{}, *span}).first->second;
      door.to.push_back(*network);
      door.service.first = std::min(door.service.first, span->first);
      door.service.last = std::max(door.service.last, span->last);
      door.cut = door.cut || map.starts_with("cut_");
    }
  }
}

void LiveDoors::read_conditional(const Ruleset& ruleset, std::string_view map) {
  const Set* set = ruleset.set(map);
  if (set == nullptr) return;
  for (const Element& element : set->elements) {
    const auto span = parse_ports(element.key);
    const Chain* chain =
        element.value.starts_with("goto ") ? ruleset.chain(element.value.substr(5)) : nullptr;
    if (!span || chain == nullptr) continue;
    for (const std::string& rule : chain->rules) {
      const std::string marks = marks_of(rule);
      if (marks.empty()) continue;
      Door& door = doors_.try_emplace(marks, Door{{}, *span}).first->second;
      door.service.first = std::min(door.service.first, span->first);
      door.service.last = std::max(door.service.last, span->last);
    }
  }
}

const Door* LiveDoors::find(const std::string& marks) const {
  const auto found = doors_.find(marks);
  return found == doors_.end() ? nullptr : &found->second;
}

}  // namespace knockwork
