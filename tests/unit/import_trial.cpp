// What the reference machine does with the knocks that tell port knockers apart.
#include <string>
#include <vector>

#include "catch.hpp"
#include "import/trial/tries.hpp"

using namespace knockwork;

TEST_CASE("import: the tries of a sequence, by the reference machine") {
  const Spec spec =
      load({{Source::Kind::declaration, "a.yml",
             "knockwork: 1\nsequences:\n  - {name: a, knock: [7000, 8000/tcp, 9000], opens: [22/tcp]}\n"
             "  - {name: b, knock: [7000, 9100], opens: [22/tcp]}\n"}});
  const Machine machine(compile(spec));
  const auto told = [&](std::size_t number) {
    std::vector<std::string> all;
    for (const Try& attempt : tries_of(spec.sequences[number])) {
      const auto opened = opened_by_machine(machine, spec.sequences[number].name, attempt);
      all.push_back(std::string(attempt.what) + (opened[0] ? " 1" : " 0") + (opened[1] ? "1" : "0"));
    }
    return all;
  };
  CHECK(told(0) == std::vector<std::string>{"the right knocks 10", "all but the last 00",
                                            "all but the first 00", "backwards 00", "with another source 11",
                                            "a wrong knock between 00"});
  CHECK(told(1) == std::vector<std::string>{"the right knocks 10", "all but the last 00",
                                            "all but the first 00", "backwards 00",
                                            "with another source 11"});
}
