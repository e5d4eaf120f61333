// Whole numbers of JSON, as the types that are asked for.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "text/whole.hpp"

using namespace knockwork;
using nlohmann::json;

TEST_CASE("whole: what fits is read, and nothing else") {
  CHECK(whole<std::uint16_t>(json(65535)) == 65535);
  CHECK(whole<std::int64_t>(json(-5)) == -5);
  CHECK(whole<std::uint64_t>(json(std::uint64_t{1} << 63)) == std::uint64_t{1} << 63);
  for (const char* text :
       {"65536", "-1", "1e300", "1.5", "22.0", "300000000000000000000000", "\"22\"", "true", "null"}) {
    CHECK_THROWS_AS(whole<std::uint16_t>(json::parse(text)), json::exception);
  }
  CHECK_THROWS_AS(whole<std::int64_t>(json(std::uint64_t{1} << 63)), json::exception);
  CHECK(whole_or(json::object(), "retries", 7) == 7);
  CHECK(whole_or(json{{"retries", 3}}, "retries", 7) == 3);
  CHECK_THROWS_AS(whole_or(json{{"retries", 3.5}}, "retries", 7), json::exception);
}
