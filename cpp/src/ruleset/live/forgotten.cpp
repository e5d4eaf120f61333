#include "ruleset/live/forgotten.hpp"

#include <algorithm>

namespace knockwork {

ForgetElements forgetting(std::string set, std::vector<LiveElement> elements) {
  std::stable_sort(elements.begin(), elements.end(), [](const LiveElement& left, const LiveElement& right) {
    return left.expires > right.expires;
  });
  ForgetElements action{std::move(set), {}};
  action.keys.reserve(elements.size());
  for (LiveElement& element : elements) action.keys.push_back(std::move(element.key));
  return action;
}

}  // namespace knockwork
