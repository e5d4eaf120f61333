// A table that is put together from its sets is the table that nftables lists.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "catch.hpp"
#include "kernel/large_table.hpp"
#include "kernel/nft.hpp"
#include "kernel/sets/set_dump.hpp"
#include "ruleset/ruleset.hpp"

using namespace knockwork;

namespace {

constexpr std::string_view kName = "inet knockwork";

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The clock goes on between two listings. Of an element that has its set's own timeout only the rest is told.
LiveTable timeless(const std::string& listing) {
  LiveTable table = parse_listing(listing);
  for (auto& [name, elements] : table.live) {
    for (LiveElement& element : elements) {
      element.expires = std::chrono::milliseconds(0);
      if (element.timeout.count() % 500 != 0)
        element.timeout = std::chrono::ceil<std::chrono::hours>(element.timeout);
    }
    std::sort(elements.begin(), elements.end(),
              [](const LiveElement& one, const LiveElement& other) { return one.key < other.key; });
  }
  return table;
}

// Of any types that a table of ours has, and one that somebody else put there. None ends before the test.
constexpr const char* kElements = R"(
add element inet knockwork granted4 { 192.0.2.1 . 6 . 22 timeout 90m, 192.0.2.2 . 17 . 53 timeout 901500ms }
add element inet knockwork granted6 { 2001:db8::7 . 6 . 22 timeout 1h, ::1 . 6 . 65535 timeout 9d2h }
add element inet knockwork locked4 { 203.0.113.255 timeout 40m expires 20m }
add set inet knockwork other { type ether_addr; elements = { 02:00:00:00:00:01 } }
add set inet knockwork remarks { type mark; flags timeout; timeout 1h; elements = { 7 comment "a, b : c", 0xffffffff } }
add map inet knockwork ways { type inet_service : verdict; elements = { 1 : accept, 2 : drop, 3 : return, 4 : continue, 5 : jump other_way } }
add map inet knockwork networks { type ipv4_addr : mark; flags interval; elements = { 192.0.2.0/28 : 1, 10.0.0.0-10.0.0.9 : 2 } }
add set inet knockwork seen { type ipv4_addr; flags dynamic; counter; elements = { 192.0.2.9 counter packets 3 bytes 84 } }
)";

// A kernel may lack what one of the tables asks for.
void compare(const std::string& table, int& compared) {
  if (nft_load(table + "add chain inet knockwork other_way\n").how != Loaded::How::taken) return;
  const Loaded loaded = nft_load(kElements);
  INFO(loaded.error);
  REQUIRE(loaded.how == Loaded::How::taken);
  const auto whole = nft_list({"list table inet knockwork"}, Elements::shown), joined = list_by_sets(0);
  REQUIRE(whole);
  REQUIRE(joined);
  const LiveTable ours = timeless(*joined), theirs = timeless(*whole);
  for (const Set& set : theirs.ruleset.sets) {
    INFO(set.name);
    REQUIRE(ours.ruleset.set(set.name) != nullptr);
    CHECK(ours.ruleset.set(set.name)->elements == set.elements);
  }
  CHECK(ours.live == theirs.live);
  CHECK(ours == theirs);
  CHECK_FALSE(list_by_sets(100'000));
  ++compared;
  for (const DumpedSet& set : dump_sets(kName)) {
    if (set.name == "granted4") CHECK((set.understood && set.count == 2));
    if (set.name == "other" || set.name == "networks" || set.name == "seen") CHECK_FALSE(set.understood);
  }
}

// Where there is none to be had, nothing is tried.
template <typename Test>
void in_a_namespace(Test test) {
  if (::geteuid() != 0) {
    WARN("not root: the kernel was not asked");
    return;
  }
  std::exception_ptr thrown;
  std::thread thread([&] {
    try {
      REQUIRE(::unshare(CLONE_NEWNET) == 0);
      test();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  thread.join();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

TEST_CASE("large table: put together from its sets it is what nftables lists") {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(KNOCKWORK_GOLDEN)) {
    if (entry.path().extension() != ".nft") continue;
    INFO(entry.path().filename().string());
    const std::string table = read(entry.path());
    if (table.find("granted4") == std::string::npos || table.find("locked4") == std::string::npos) continue;
    in_a_namespace([&] { compare(table, compared); });
  }
  CHECK((compared > 5 || ::geteuid() != 0));
}

TEST_CASE("large table: nothing comes of no table") {
  in_a_namespace([] {
    CHECK(dump_sets(kName).empty());
    CHECK_FALSE(list_by_sets(1));
    CHECK_FALSE(list_by_sets(0));
  });
}
