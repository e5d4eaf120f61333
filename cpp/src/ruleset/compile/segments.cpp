#include <algorithm>
#include <set>

#include "ruleset/compile/chains.hpp"

namespace knockwork {

std::vector<Segment> segment_ranges(const Program& program) {
  std::vector<Service> ranges = protected_services(program);
  std::erase_if(ranges, [](const Service& service) { return service.first == service.last; });
  std::set<std::pair<Protocol, std::uint32_t>> borders;  // where a segment starts
  for (const Service& range : ranges) {
    borders.insert({range.protocol, range.first});
    borders.insert({range.protocol, range.last + 1u});
  }
  std::vector<Segment> segments;
  for (auto border = borders.begin(); border != borders.end(); ++border) {
    const auto end = std::next(border);
    if (end == borders.end() || end->first != border->first) continue;
    Segment segment{{border->first, static_cast<std::uint16_t>(border->second),
                     static_cast<std::uint16_t>(end->second - 1)},
                    {}};
    std::copy_if(ranges.begin(), ranges.end(), std::back_inserter(segment.ranges), [&](const Service& range) {
      return range.protocol == segment.span.protocol && range.first <= segment.span.first &&
             segment.span.last <= range.last;
    });
    if (!segment.ranges.empty()) segments.push_back(std::move(segment));
  }
  return segments;
}

}  // namespace knockwork
