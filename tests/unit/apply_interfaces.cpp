// Interfaces that belong to others: which of the two a declaration has to name.
#include "apply/interfaces.hpp"
#include "catch.hpp"

using namespace knockwork;

namespace {

std::vector<Link> links(bool vrf) { return {{"lo", {}, ""}, {"over", {}, "", vrf}, {"eth0", {}, "over"}}; }

std::vector<std::string> told(const std::vector<std::string>& interfaces, bool vrf) {
  return interface_warnings(interfaces, {}, links(vrf));
}

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("interfaces: packets of a bridge's port arrive on the bridge") {
  CHECK(
      told({"eth0"}, false) ==
      Told{
          "interface `eth0` belongs to `over`: its packets arrive on `over`, where nothing is protected. Put "
          "`over` into `interfaces`"});
  CHECK(told({"!eth0"}, false) ==
        Told{"interface `eth0` belongs to `over`: its packets arrive on `over`, which is protected. Put "
             "\"!over\" into `interfaces` if you want to leave it out"});
  CHECK(
      interface_warnings({OwnInterfaces{"a", {"eth0"}}}, links(false)) ==
      Told{"interface `eth0` in the sequence a belongs to `over`: its packets arrive on `over`. Write `over` "
           "instead"});
  CHECK(told({"over"}, false).empty());
  CHECK(told({"!over"}, false).empty());
}

TEST_CASE("interfaces: packets of a VRF arrive on its members") {
  CHECK(
      told({"over"}, true) ==
      Told{"interface `over` is the VRF of `eth0`: its packets arrive on `eth0`, where no knock counts. Put "
           "`eth0` into `interfaces`"});
  CHECK(told({"!over"}, true) ==
        Told{"interface `over` is the VRF of `eth0`: its packets arrive on `eth0`, which is protected. Put "
             "\"!eth0\" into `interfaces` if you want to leave it out"});
  CHECK(
      interface_warnings({OwnInterfaces{"a", {"over"}}}, links(true)) ==
      Told{
          "interface `over` in the sequence a is the VRF of `eth0`: its packets arrive on `eth0`. Write `eth0` "
          "instead"});
  for (const char* fine : {"eth0", "!eth0"}) CHECK(told({fine}, true).empty());
  CHECK(told({"over", "eth0"}, true).empty());
}

TEST_CASE("interfaces: a pattern leaves open what packets arrive on") {
  CHECK(
      left_open({"wan*"}, links(false)) ==
      "`interfaces` has a pattern, which leaves this interface open now: `over`. The gate protects nothing there");
  CHECK(
      left_open({"wan*"}, links(true)) ==
      "`interfaces` has a pattern, which leaves this interface open now: `eth0`. The gate protects nothing there");
  CHECK(left_open({"eth*"}, links(true)).empty());
}
