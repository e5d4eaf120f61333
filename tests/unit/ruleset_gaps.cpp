// Ports that concern nobody leave `gate` at once; none that concerns somebody does.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "catch.hpp"
#include "program/program.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {
namespace {

// Sequences with knocks at every third port from 2000 on.
std::string declared(int sequences, const std::string& more = "") {
  std::string text = "knockwork: 1\n" + more + "sequences:\n";
  for (int number = 0; number < sequences; ++number) {
    const int first = 2000 + number * 9;
    text += fmt::format("  - {{name: s{}, knock: [{}/udp, {}/tcp, {}/udp], opens: [22/tcp]}}\n", number,
                        first, first + 3, first + 6);
  }
  return text;
}

Program program_of(const std::string& text) {
  return compile(load({{Source::Kind::declaration, "knockwork.yml", text}}));
}

Ruleset ruleset_of(const std::string& text) { return compile(program_of(text)); }

// "th dport 40000-65535 accept"
std::vector<std::pair<int, int>> gaps_of(const Ruleset& ruleset) {
  std::vector<std::pair<int, int>> gaps;
  for (const std::string& rule : ruleset.chain("gate")->rules) {
    int first = 0, last = 0;
    if (std::sscanf(rule.c_str(), "th dport %d-%d ", &first, &last) == 2) gaps.emplace_back(first, last);
  }
  return gaps;
}

bool in_a_gap(const std::vector<std::pair<int, int>>& gaps, int port) {
  return std::any_of(gaps.begin(), gaps.end(),
                     [port](const auto& gap) { return gap.first <= port && port <= gap.second; });
}

}  // namespace

TEST_CASE("gaps: few ports are a set, many leave comparisons") {
  const Ruleset few = ruleset_of(declared(100));
  CHECK(few.set("watched") != nullptr);
  CHECK(gaps_of(few).empty());
  const Ruleset many = ruleset_of(declared(1000));
  CHECK(many.set("watched") == nullptr);
  CHECK(many.set("watched_ranges") == nullptr);
  CHECK(gaps_of(many) == std::vector<std::pair<int, int>>{{10999, 65535}, {23, 1998}});
}

TEST_CASE("gaps: no port of a declaration is in one") {
  for (const char* more : {"", "mode: stealth\npublic: [443/tcp, 40000-41000/udp, 60000/udp]\n",
                           "mode: stealth\npublic: [20000-65535/tcp]\nwrong_knock: ignore\n"}) {
    const Program program = program_of(declared(1000, more));
    const auto gaps = gaps_of(compile(program));
    for (const Track& track : program.tracks) {
      for (const Edge& edge : track.edges) REQUIRE_FALSE(in_a_gap(gaps, edge.knock.port));
      for (const Service& service : track.services) REQUIRE_FALSE(in_a_gap(gaps, service.first));
    }
    for (const Knock& guard : program.guards) REQUIRE_FALSE(in_a_gap(gaps, guard.port));
    for (const Service& service : program.public_services) {
      for (int port = service.first; port <= service.last; ++port) REQUIRE_FALSE(in_a_gap(gaps, port));
    }
  }
}

}  // namespace knockwork
