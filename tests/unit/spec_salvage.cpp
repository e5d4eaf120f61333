// What a declaration with faults still says: enough to shut what it protects, never to open more.
#include "catch.hpp"
#include "spec/salvage.hpp"

using namespace knockwork;

namespace {

spec::Salvaged salvage(const std::string& text, const std::string& drop_in = "") {
  std::vector<Source> sources{{Source::Kind::declaration, "knockwork.yml", text}};
  if (!drop_in.empty()) sources.push_back({Source::Kind::drop_in, "conf.d/a.yml", drop_in});
  return spec::salvage(sources);
}

std::vector<std::string> names(const std::vector<Sequence>& sequences) {
  std::vector<std::string> names;
  for (const Sequence& each : sequences) names.push_back(each.name);
  return names;
}

using Names = std::vector<std::string>;

constexpr const char* kGood = "  - {name: good, knock: [7000, 8000], opens: [22/tcp]}\n";

}  // namespace

TEST_CASE("salvage: a sequence with a fault is shut, the others stay whole") {
  const auto faulty =
      GENERATE(R"({name: bad, knock: [99999], opens: [80/tcp]})", R"({name: bad, opens: [80/tcp]})",
               R"({name: bad, knock: [7100], opens: [80/tcp], open_for: soon})",
               R"({name: bad, knock: [7100], opens: [80/tcp], colour: red})");
  const auto salvaged = salvage(std::string("knockwork: 1\nsequences:\n") + kGood + "  - " + faulty + "\n");
  INFO(faulty);
  CHECK(names(salvaged.spec.sequences) == Names{"good"});
  REQUIRE(names(salvaged.shut) == Names{"bad"});
  CHECK(salvaged.shut.front().opens == std::vector<Service>{{Protocol::tcp, 80, 80}});
}

TEST_CASE("salvage: a text that ends early costs the sequence in which it ends") {
  const auto salvaged = salvage(std::string("knockwork: 1\nsequences:\n") + kGood,
                                "- name: cut\n  opens: [80/tcp]\n  knock: [7000");
  CHECK(names(salvaged.spec.sequences) == Names{"good"});
  CHECK(names(salvaged.shut) == Names{"cut"});
}

TEST_CASE("salvage: what cannot be read counts for the closed side") {
  const auto salvaged =
      salvage(std::string("knockwork: 1\nmode: stealth\nalways_allow: [192.0.2.1, nobody]\n"
                          "interfaces: [eth0, \"a b\"]\npublic: [443/tcp, 99999/tcp]\nsequences:\n") +
              kGood);
  CHECK(salvaged.spec.mode == Mode::stealth);
  CHECK(salvaged.spec.always_allow == std::vector<Network>{*parse_network("192.0.2.1")});
  CHECK(salvaged.spec.interfaces.empty());
  CHECK(salvaged.spec.public_services == std::vector<Service>{{Protocol::tcp, 443, 443}});
}

TEST_CASE("salvage: nothing in, nothing out") {
  const auto text = GENERATE("", "x", "[", "knockwork: 1\n", "sequences: 7\n");
  const auto salvaged = salvage(text);
  CHECK(salvaged.spec.sequences.empty());
  CHECK(salvaged.shut.empty());
}

TEST_CASE("shut: services are protected by a sequence that nobody can use, on ports of nobody") {
  auto salvaged = salvage(std::string("knockwork: 1\nsequences:\n") + kGood +
                          "  - {name: bad, knock: [99999], opens: [80/tcp, 1-9/tcp, 65535/udp]}\n");
  const Spec closed = spec::shut(std::move(salvaged.spec), salvaged.shut);
  REQUIRE(closed.sequences.size() == 2);
  const Sequence& shut = closed.sequences.back();
  CHECK(shut.from == std::vector<Network>{*parse_network("255.255.255.255")});
  CHECK(shut.opens.front() == Service{Protocol::tcp, 80, 80});
  CHECK(shut.opens[1].first == 2);  // port 1 answers for the closed ones
  REQUIRE(shut.knock.size() == 1);
  CHECK(shut.knock.front().port == 65534);
}
