#include "ruleset/compile/port_sets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ruleset/compile/chains.hpp"
#include "ruleset/places/places.hpp"

namespace knockwork {
namespace {

// The kernel keeps single ports as a bitmap, whose elements it walks for each one that is added.
constexpr std::size_t kMostSingle = 1024;
// Of more services intervals stand there that cover some others as well: whoever finds a port here asks the
// maps.
constexpr std::size_t kMostIntervals = 4;
// Of more ports the gaps between them are compared: a few of these cost less than a look at intervals, and a
// packet in a gap that is not among them asks the maps.
constexpr std::size_t kMostGaps = 3;
constexpr std::uint32_t kLeastGap = 1024;

// Linux gives from here on what is asked for as "any reserved port" (rresvport(3), xprt_min_resvport of NFS);
// with one port below, a service alone begins nothing.
constexpr std::uint16_t kFirstOwnPort = 512;

using Span = std::pair<std::uint32_t, std::uint32_t>;

bool is_range(const Service& service) { return service.first != service.last; }

struct Ports {
  std::set<std::uint16_t> single;
  std::set<Span> ranges;

  void add(const Service& service) {
    if (service.first == service.last) {
      single.insert(service.first);
    } else {
      ranges.insert({service.first, service.last});
    }
  }
};

std::string key(const Span& span) {
  return span.first == span.second ? std::to_string(span.first)
                                   : fmt::format("{}-{}", span.first, span.second);
}

// Overlapping and adjacent ones become one.
std::vector<Span> merged(const std::set<Span>& spans, std::uint32_t gap) {
  std::vector<Span> all;
  for (const Span& span : spans) {
    if (!all.empty() && span.first <= all.back().second + 1 + gap) {
      all.back().second = std::max(all.back().second, span.second);
    } else {
      all.push_back(span);
    }
  }
  return all;
}

Set of_spans(std::string name, const std::vector<Span>& spans) {
  Set set{std::move(name), "inet_service", {"interval"}, {}, 0, {}};
  for (const Span& span : spans) set.elements.push_back({key(span), {}, {}});
  sort(set.elements);
  return set;
}

Set of_singles(std::string name, const std::set<std::uint16_t>& ports) {
  if (ports.size() > kMostSingle) {
    std::set<Span> spans;
    for (const std::uint16_t port : ports) spans.insert({port, port});
    std::vector<Span> fewer;
    for (std::uint32_t gap = 0; fewer.empty() || fewer.size() > kMostIntervals; gap = 2 * gap + 1) {
      fewer = merged(spans, gap);
    }
    return of_spans(std::move(name), fewer);
  }
  Set set{std::move(name), "inet_service", {}, {}, 0, {}};
  for (const std::uint16_t port : ports) set.elements.push_back({std::to_string(port), {}, {}});
  sort(set.elements);
  return set;
}

void add(std::vector<Set>& sets, const std::string& name, const Ports& ports) {
  sets.push_back(of_singles(name, ports.single));
  if (!ports.ranges.empty()) sets.push_back(of_spans(name + "_ranges", merged(ports.ranges, 0)));
}

// Every port in the declaration, and those of services that are protected.
struct AllPorts {
  Ports watched, services;
};

AllPorts ports_of(const Program& program) {
  AllPorts all;
  for (const Service& service : protected_services(program)) {
    all.watched.add(service);
    all.services.add(service);
  }
  for (const Track& track : program.tracks) {
    for (const Edge& edge : track.edges) all.watched.single.insert(edge.knock.port);
  }
  for (const Knock& guard : program.guards) all.watched.single.insert(guard.port);
  for (const Service& service : program.public_services) all.watched.add(service);
  for (const Place& place : find_places(remote_doors(program))) {
    all.watched.add(place.span);
    all.services.add(place.span);
  }
  return all;
}

// Between spans that are merged.
std::vector<Span> gaps_between(const std::vector<Span>& spans) {
  std::vector<Span> gaps;
  std::uint32_t next = 0;
  for (const auto& [first, last] : spans) {
    if (first > next) gaps.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= 65535) gaps.emplace_back(next, 65535);
  return gaps;
}

}  // namespace

bool has_own_connections(const Program& program) {
  const std::vector<Service> here = protected_services(program);
  return std::any_of(here.begin(), here.end(), [](const Service& service) {
    return service.protocol == Protocol::tcp && service.last >= kFirstOwnPort;
  });
}

bool has_own_flows(const Program& program) {
  const std::vector<Service> cut = cut_services(program);
  const std::vector<Service> here = protected_services(program);
  const std::vector<Door> there = remote_doors(program);
  return std::any_of(here.begin(), here.end(),
                     [&](const Service& service) {
                       return service.protocol == Protocol::udp &&
                              !std::binary_search(cut.begin(), cut.end(), service);
                     }) ||
         std::any_of(there.begin(), there.end(), [](const Door& door) { return !door.cut; });
}

bool has_spoken(const Program& program) { return has_own_connections(program) || has_own_flows(program); }

void add_ports(std::vector<Set>& sets, const Program& program) {
  const AllPorts all = ports_of(program);
  if (all.watched.single.size() <= kMostSingle) add(sets, "watched", all.watched);
  add(sets, "services", all.services);
}

std::optional<std::vector<std::string>> wide_gaps(const Program& program) {
  const Ports watched = ports_of(program).watched;
  if (watched.single.size() <= kMostSingle) return std::nullopt;
  std::set<Span> spans = watched.ranges;
  for (const std::uint16_t port : watched.single) spans.insert({port, port});
  std::vector<Span> gaps = gaps_between(merged(spans, 0));
  std::erase_if(gaps, [](const Span& gap) { return gap.second - gap.first < kLeastGap; });
  std::stable_sort(gaps.begin(), gaps.end(), [](const Span& one, const Span& other) {
    return one.second - one.first > other.second - other.first;
  });
  gaps.resize(std::min(gaps.size(), kMostGaps));
  std::vector<std::string> texts;
  texts.reserve(gaps.size());
  for (const Span& gap : gaps) texts.push_back(key(gap));
  return texts;
}

bool has_service_ranges(const Program& program) {
  const std::vector<Place> places = find_places(remote_doors(program));
  const std::vector<Service> here = protected_services(program);
  return std::any_of(here.begin(), here.end(), is_range) ||
         std::any_of(places.begin(), places.end(), [](const Place& place) { return is_range(place.span); });
}

bool has_watched_ranges(const Program& program) {
  return has_service_ranges(program) ||
         std::any_of(program.public_services.begin(), program.public_services.end(), is_range);
}

}  // namespace knockwork
