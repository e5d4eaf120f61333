#include "observe/grant_ends.hpp"

#include <algorithm>

namespace knockwork {
namespace {

// The kernel forgets an element a little sooner or later than we count.
constexpr std::chrono::milliseconds kAbout{1000};

}  // namespace

std::vector<GrantEnds::Grant> GrantEnds::compare(const std::vector<Admission>& there, Time now) {
  std::map<Grant, Time> standing;
  for (const Admission& each : there) standing[{each.source, each.edge}] = now + each.expires;
  std::vector<Grant> gone;
  for (const auto& [grant, end] : ends_) {
    if (standing.contains(grant)) continue;
    if (end > now + kAbout) {
      gone.push_back(grant);
    } else {
      standing.emplace(grant, end);
    }
  }
  ends_ = std::move(standing);
  return gone;
}

std::vector<GrantEnds::Grant> GrantEnds::due(Time now) const {
  std::vector<Grant> over;
  for (const auto& [grant, end] : ends_) {
    if (end <= now) over.push_back(grant);
  }
  return over;
}

std::vector<std::pair<GrantEnds::Grant, GrantEnds::Time>> GrantEnds::ended(Time now) {
  std::vector<std::pair<Grant, Time>> over;
  for (const auto& each : ends_) {
    if (each.second <= now) over.emplace_back(each);
  }
  std::stable_sort(over.begin(), over.end(),
                   [](const auto& left, const auto& right) { return left.second < right.second; });
  for (const auto& each : over) ends_.erase(each.first);
  return over;
}

bool GrantEnds::has_one_of(const std::set<EdgeId>& edges) const {
  return !edges.empty() && std::any_of(ends_.begin(), ends_.end(),
                                       [&](const auto& each) { return edges.contains(each.first.second); });
}

std::optional<GrantEnds::Time> GrantEnds::next() const {
  std::optional<Time> first;
  for (const auto& [grant, end] : ends_) {
    if (!first || end < *first) first = end;
  }
  return first;
}

}  // namespace knockwork
