// How use renews a grant (`prolong`).
//
// A packet of a connection that both sides have spoken in renews the grants by which its source may use the
// service. To ask sequence by sequence takes time, so it is done once in a while: `renewed` has the sources
// whose turn has not come again, and most packets cost one look at it. A stranger's packets are none of a
// connection.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ruleset/compile/rulebook.hpp"
#include "ruleset/digest.hpp"

namespace knockwork {
namespace {

// A constant_key that fits an edge.
std::string constant_edge(const std::string& edge) { return fmt::format("meta priority & {0} | {0}", edge); }

std::vector<const Track*> prolonging(const Program& program, const std::vector<Door>& doors) {
  std::vector<const Track*> tracks;
  for (const Door& door : doors) {
    for (const Track* track : prolonging(program, door)) {
      if (std::find(tracks.begin(), tracks.end(), track) == tracks.end()) tracks.push_back(track);
    }
  }
  // Of two that renew one grant the longer has the last word.
  std::stable_sort(tracks.begin(), tracks.end(),
                   [](const Track* left, const Track* right) { return left->open_for < right->open_for; });
  return tracks;
}

std::string content(const std::vector<Door>& doors) {
  std::string text;
  for (const Door& door : doors) {
    const auto [first, second] = door_marks(door);
    text += fmt::format("{} {} ", first, second);
  }
  return text;
}

// What the doors are, as a number that stands for them in `renewed`.
std::string mark_of(const std::vector<Door>& doors) {
  const auto number = static_cast<EdgeId>(hash(content(doors)));
  return edge_key(number == 0 || number == ~EdgeId{0} ? 1 : number);
}

bool is_port(const std::vector<Door>& doors) {
  return doors.size() == 1 && doors.front().to.empty() && doors.front().on.empty() &&
         doors.front().service.first == doors.front().service.last;
}

std::string renewing_chain(const std::vector<Door>& doors, std::string_view prefix) {
  if (!is_port(doors)) return fmt::format("{}_{}", prefix, short_digest(content(doors)));
  return fmt::format("{}_{}_{}", prefix, static_cast<int>(doors.front().service.protocol),
                     doors.front().service.first);
}

std::string prolonging_chain(const Track& track) {
  const std::string name = opening_chain(track);
  return "prolong_" + name.substr(name.find('_') + 1);
}

class Prolongs {
 public:
  explicit Prolongs(const Rulebook& book)
      : book_(book), program_(book.program()), segments_(segment_ranges(program_)) {}

  std::vector<Chain> chains() {
    for (const Track& track : program_.tracks) {
      if (!track.prolong) continue;
      add(prolonging_chain(track), all_services(track));
      if (!track.to.empty()) continue;
      for (const Service& service : track.services) {
        if (is_conditional(track)) {
          add_renewing({door_of(track, service)});
          continue;
        }
        if (service.first != service.last) continue;
        add_renewing({{{}, service}});
        if (!is_inside(service)) add(lasting_chain(service), lasting(service));
      }
    }
    for (const Segment& segment : segments_) {
      std::vector<Door> doors;
      for (const Service& range : segment.ranges) doors.push_back({{}, range});
      add_renewing(doors);
    }
    for (const Place& place : book_.places()) add_renewing(place.doors);
    std::vector<Chain> chains;
    chains.reserve(made_.size());
    for (auto& [name, chain] : made_) chains.push_back(std::move(chain));
    return chains;
  }

 private:
  void add(const std::string& name, Rules rules) {
    made_.try_emplace(name, Chain{name, "", {}, std::move(rules)});
  }

  bool is_inside(const Service& service) const {
    return std::any_of(segments_.begin(), segments_.end(), [&](const Segment& segment) {
      return segment.span.protocol == service.protocol && segment.span.first <= service.first &&
             service.first <= segment.span.last;
    });
  }

  void add_renewing(const std::vector<Door>& doors) {
    if (prolonging(program_, doors).empty()) return;
    add(renewing_chain(doors, "renew"), due(doors));
    add(renewing_chain(doors, "renewal"), renewing(doors));
  }

  Rules lasting(const Service& service) const {
    Rules rules = book_.renewing({{{}, service}});
    const bool cut = std::binary_search(book_.cut().begin(), book_.cut().end(), service);
    rules.emplace_back(cut ? "goto cut_door" : "goto door");
    return rules;
  }

  // Whose turn it is: of those that have a grant at these doors.
  Rules due(const std::vector<Door>& doors) const {
    const std::string mark = constant_edge(mark_of(doors));
    const std::string then = "goto " + renewing_chain(doors, "renewal");
    Rules rules;
    for (const auto& [source, family] : book_.sources())
      rules.push_back(fmt::format("{} . {} @renewed{} return", source, mark, family));
    for (std::string rule : granted(doors)) {
      rule.replace(rule.rfind("accept"), std::string::npos, then);
      rules.push_back(std::move(rule));
    }
    return rules;
  }

  // The rules that ask for a grant at these doors alone.
  Rules granted(const std::vector<Door>& doors) const {
    if (!doors.front().to.empty() || !doors.front().on.empty())
      return book_.reached(doors, Rulebook::Use::go_on);
    if (is_port(doors)) return book_.granted({{}, {}});
    std::vector<Service> ranges;
    ranges.reserve(doors.size());
    for (const Door& door : doors) ranges.push_back(door.service);
    return book_.ranged(ranges);
  }

  // A grant by hand that lasts longer is not renewed meanwhile: `renewed` has its sequence.
  Rules renewing(const std::vector<Door>& doors) const {
    const std::vector<const Track*> tracks = prolonging(program_, doors);
    const std::string mark = mark_of(doors);
    Rules rules;
    for (const Track* track : tracks) {
      const std::string edge = edge_key(track->edges.back().id);
      for (const auto& [source, family] : book_.sources()) {
        rules.push_back(fmt::format(
            "{0} . {1} @holders{2} {0} . {1} != @renewed{2} update @holders{2} {{ {0} . {3} timeout {4} }} jump {5}",
            source, constant_edge(edge), family, edge, nft_time(renewed_for(track->open_for)),
            prolonging_chain(*track)));
      }
    }
    for (const auto& [source, family] : book_.sources())
      rules.push_back(fmt::format("add @renewed{} {{ {} . {} timeout {} }}", family, source, mark,
                                  nft_time(renewal_pause(tracks.front()->open_for))));
    return rules;
  }

  Rules all_services(const Track& track) const {
    Rules rules;
    for (const auto& [source, family] : book_.sources()) {
      append(rules, granting_all(track, source, family, nft_time(renewed_for(track.open_for))));
    }
    return rules;
  }

  const Rulebook& book_;
  const Program& program_;
  std::vector<Segment> segments_;
  std::map<std::string, Chain> made_;
};

}  // namespace

std::vector<const Track*> prolonging(const Program& program, const Door& door) {
  std::vector<const Track*> tracks;
  for (const Track& track : program.tracks) {
    if (track.prolong && track.to == door.to && track.on == door.on &&
        std::binary_search(track.services.begin(), track.services.end(), door.service))
      tracks.push_back(&track);
  }
  return tracks;
}

std::string lasting_chain(const Service& service) {
  return fmt::format("lasting_{}_{}", static_cast<int>(service.protocol), service.first);
}

// Only what conntrack has seen both sides speak in, and what the client sends.
Rules Rulebook::renewing(const std::vector<Door>& doors) const {
  if (!has_prolong(program_) || prolonging(program_, doors).empty()) return {};
  const bool tcp = doors.front().service.protocol == Protocol::tcp;
  return {fmt::format("{}ct state established ct direction original jump {}", tcp ? kNotSyn + " " : "",
                      renewing_chain(doors, "renew"))};
}

std::vector<Chain> prolong_chains(const Rulebook& book) {
  return has_prolong(book.program()) ? Prolongs(book).chains() : std::vector<Chain>{};
}

}  // namespace knockwork
