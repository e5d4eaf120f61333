// The door for faces without C++: requests and answers in JSON.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "fake_kernel.hpp"
#include "knockwork/knockwork.hpp"

namespace knockwork {
namespace {

using nlohmann::json;

json faults_of(const json& sources) {
  FakeKernel kernel;
  const json request{{"version", version()}, {"command", "validate"}, {"sources", sources}};
  return json::parse(call(request.dump(), kernel)).at("error").at("diagnostics");
}

}  // namespace

TEST_CASE("call: a fault of an option has its path, and no place in a text that nobody sees") {
  const json main{{"kind", "declaration"}, {"name", "main.yml"}, {"text", "knockwork: 1\nmode: none\n"}};
  const json options{{"kind", "drop_in"},
                     {"name", "options"},
                     {"text", "- name: \"ssh\"\n  knock: [7000]\n  opens: [\"22\"]\n  open_for: \"30\"\n"}};
  const json faults = faults_of({main, options});
  REQUIRE(faults.size() == 3);
  CHECK(faults[0].at("file") == "main.yml");
  CHECK(faults[0].at("line") == 2);
  CHECK(faults[0].at("path") == "mode");
  for (const char* key : {"line", "column", "width"}) CHECK(faults[1].at(key) == 0);
  CHECK(faults[1].at("file") == "");
  CHECK(faults[1].at("path") == "opens[0]");
  CHECK(faults[2].at("path") == "open_for");
}

TEST_CASE("call: who must knock and the host's epochs are members of the report itself") {
  Report report;
  CHECK_FALSE(json::parse(to_json(report)).contains("epochs"));
  CHECK_FALSE(json::parse(to_json(report)).contains("must_knock"));
  report.epochs = {41, 42};
  report.must_knock = "192.0.2.7";
  CHECK(json::parse(to_json(report)).at("epochs") == json({41, 42}));
  CHECK(json::parse(to_json(report)).at("must_knock") == "192.0.2.7");
}

TEST_CASE("call: why nothing was compared is said to programs too") {
  Report report;
  CHECK_FALSE(json::parse(to_json(report)).contains("incomparable"));
  report.incomparable = "no gate was applied";
  CHECK(json::parse(to_json(report)).at("incomparable") == "no gate was applied");
}

}  // namespace knockwork
