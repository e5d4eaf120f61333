// Flowtables, which forward connections past the gate: how they are read, and who is warned.
#include "apply/warnings.hpp"
#include "catch.hpp"
#include "fake_kernel.hpp"
#include "kernel/netlink/flowtables.hpp"
#include "knockwork/knockwork.hpp"

using namespace knockwork;

namespace {

// As `nft list flowtables` of 1.0.6 prints them, with a table that has none.
constexpr const char* kListing = R"(table inet knockwork {
}
table inet filter {
\tflowtable fast {
\t\thook ingress priority filter
\t\tdevices = { eth0, eth1 }
\t}

\tflowtable ft2 {
\t\thook ingress priority filter + 10
\t\tflags offload
\t}
}
table ip nat {
\tflowtable f {
\t\thook ingress priority -300
\t}
}
)";

std::string with_tabs(std::string text) {
  for (std::size_t at = text.find("\\t"); at != std::string::npos; at = text.find("\\t", at))
    text.replace(at, 2, "\t");
  return text;
}

Spec declared(const std::string& keys) {
  return load({{Source::Kind::declaration, "test",
                "knockwork: 1\nsequences: [{name: a, knock: [7000, 8000], opens: [22/tcp]" + keys + "}]\n"}});
}

}  // namespace

TEST_CASE("offload: flowtables are read from their listing, whatever else stands there") {
  CHECK(parse_flowtables(with_tabs(kListing)) ==
        std::vector<Flowtable>{{"inet filter", "fast"}, {"inet filter", "ft2"}, {"ip nat", "f"}});
  CHECK(parse_flowtables("").empty());
  CHECK(parse_flowtables("table inet x {\n}\n").empty());
  CHECK(parse_flowtables("table  {\n\tflowtable {\n\tflowtable  {\nnonsense").empty());
}

TEST_CASE("offload: told where connections elsewhere are to end with their grants") {
  FakeKernel kernel;
  kernel.offload({{"inet filter", "fast"}});
  const std::vector<std::string> told{
      "the flowtable fast in the table inet filter forwards connections past the gate: on_expiry: cut does "
      "not end those that it handles. Keep services under `to` out of it, or end them with `knockwork "
      "revoke`"};
  CHECK(host_warnings(declared(", to: [203.0.113.10], on_expiry: cut"), kernel) == told);
  CHECK(plan(declared(", to: [203.0.113.10], on_expiry: cut"), kernel, {}).warnings == told);
  CHECK(
      host_warnings(declared(", to: [203.0.113.10], prolong: true"), kernel) ==
      std::vector<std::string>{
          "the flowtable fast in the table inet filter forwards connections past the gate: their packets renew "
          "no grant (`prolong`). Keep services under `to` out of it"});
  CHECK(host_warnings(declared(", to: [203.0.113.10]"), kernel).empty());
  CHECK(host_warnings(declared(", on_expiry: cut"), kernel).empty());
  kernel.offload({});
  CHECK(host_warnings(declared(", to: [203.0.113.10], on_expiry: cut"), kernel).empty());
}

TEST_CASE("offload: status tells it of the table as it stands") {
  FakeKernel kernel;
  kernel.offload({{"ip nat", "f"}});
  for (const bool cut : {true, false}) {
    LiveTable live;
    live.ours = true;
    live.ruleset =
        compile(compile(declared(cut ? ", to: [203.0.113.10], on_expiry: cut" : ", to: [203.0.113.10]")));
    kernel.tamper([&](std::optional<LiveTable>& table) { table = live; });
    CHECK(status(kernel, {}).warnings ==
          offload_warnings(cut ? kernel.flowtables() : std::vector<Flowtable>()));
  }
}
