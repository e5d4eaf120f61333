#include "catch.hpp"
#include "observe/grant_ends.hpp"

using namespace knockwork;
using namespace std::chrono_literals;

namespace {

GrantEnds::Grant by(EdgeId edge) { return {*parse_network("192.0.2.7"), edge}; }
Admission there(EdgeId edge, std::chrono::milliseconds left) {
  return {*parse_network("192.0.2.7"), edge, 60s, left};
}
using Over = std::vector<std::pair<GrantEnds::Grant, GrantEnds::Time>>;

}  // namespace

TEST_CASE("observe: a grant ends once, at the time of its latest knock") {
  GrantEnds ends;
  ends.begin(by(1), 5s);
  ends.begin(by(2), 3s);
  ends.begin(by(1), 8s);
  CHECK(ends.next() == 3s);
  CHECK(ends.ended(2s).empty());
  CHECK(ends.ended(5s) == Over{{by(2), 3s}});
  CHECK(ends.due(8s) == std::vector{by(1)});
  CHECK(ends.ended(9s) == Over{{by(1), 8s}});
  CHECK(ends.ended(99s).empty());
  CHECK_FALSE(ends.next());
}

TEST_CASE("observe: what the table has no more before its time was revoked") {
  GrantEnds ends;
  for (const EdgeId edge : {1U, 2U, 3U}) ends.begin(by(edge), 30s);
  ends.begin(by(4), 10500ms);
  CHECK(ends.compare({there(1, 20s), there(3, 90s), there(5, 7s)}, 10s) == std::vector{by(2)});
  // 4 was about to end, so the kernel may have been first; 5 was granted by hand.
  CHECK(ends.ended(20s) == Over{{by(4), 10500ms}, {by(5), 17s}});
  CHECK(ends.ended(60s) == Over{{by(1), 30s}});
  CHECK(ends.ended(100s) == Over{{by(3), 100s}});
}
