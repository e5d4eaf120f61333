// trace for programs: the same story as JSON.
#include "catch.hpp"
#include "machine_cases.hpp"

using namespace rules;

TEST_CASE("a trace as JSON", "[trace]") {
  CHECK(trace_json(one_knock({kSsh, kMedia}), "0 192.0.2.7 7000\n+1ms 192.0.2.7 7001/udp # near\n",
                   "packets") == R"([
  {
    "time_ms": 0,
    "source": "192.0.2.7",
    "packet": "7000",
    "verdict": "rejected",
    "fired": [
      {
        "sequence": "ssh",
        "step": 1,
        "of": 1
      }
    ],
    "granted": [
      "22/tcp",
      "60000-61000/udp"
    ],
    "renewed": [],
    "closed": [],
    "wrong": false,
    "token_used": false,
    "locked_out": "nobody",
    "why": "knock 1 of ssh (1/1): opens 22/tcp, 60000-61000/udp for 1m"
  },
  {
    "time_ms": 1,
    "source": "192.0.2.7",
    "packet": "7001/udp",
    "verdict": "passed on",
    "fired": [],
    "granted": [],
    "renewed": [],
    "closed": [],
    "wrong": true,
    "token_used": false,
    "locked_out": "source",
    "why": "wrong, a guard port: locked out for 2s"
  }
]
)");
}

TEST_CASE("no packets, no lines", "[trace]") {
  CHECK(trace(ssh(), "# nothing\n", "packets").empty());
  CHECK(trace_json(ssh(), "# nothing\n", "packets") == "[]\n");
}

TEST_CASE("a bad script is refused before anything is told", "[trace]") {
  CHECK_THROWS_AS(trace(ssh(), "0 192.0.2.7 7000\nnow\n", "packets"), InvalidDeclaration);
  CHECK_THROWS_AS(trace_json(ssh(), "0 192.0.2.7 7000\nnow\n", "packets"), InvalidDeclaration);
}
