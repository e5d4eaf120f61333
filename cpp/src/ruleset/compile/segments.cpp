#include <algorithm>
#include <set>

#include "ruleset/compile/chains.hpp"

namespace knockwork {

std::vector<Segment> segment_ranges(const Program& program) {
  std::vector<Service> ranges = protected_services(program);
  std::erase_if(ranges, [](const Service& service) { return service.first == service.last; });
  const std::vector<Door> doors = conditional_doors(program);
  std::set<std::pair<Protocol, std::uint32_t>> borders;  // where a segment starts
  const auto border = [&](const Service& service) {
    borders.insert({service.protocol, service.first});
    borders.insert({service.protocol, service.last + 1u});
  };
  for (const Service& range : ranges) border(range);
  for (const Door& door : doors) border(door.service);
  std::vector<Segment> segments;
  for (auto start = borders.begin(); start != borders.end(); ++start) {
    const auto end = std::next(start);
    if (end == borders.end() || end->first != start->first) continue;
    Segment segment{{start->first, static_cast<std::uint16_t>(start->second),
                     static_cast<std::uint16_t>(end->second - 1)},
                    {}};
    const auto covers = [&](const Service& service) {
      return service.protocol == segment.span.protocol && service.first <= segment.span.first &&
             segment.span.last <= service.last;
    };
    std::copy_if(ranges.begin(), ranges.end(), std::back_inserter(segment.ranges), covers);
    std::copy_if(doors.begin(), doors.end(), std::back_inserter(segment.doors),
                 [&](const Door& door) { return covers(door.service); });
    if (!segment.ranges.empty() || !segment.doors.empty()) segments.push_back(std::move(segment));
  }
  return segments;
}

}  // namespace knockwork
