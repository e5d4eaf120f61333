// Work in a process of its own.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "catch.hpp"
#include "kernel/apart.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {

TEST_CASE("apart: what comes back is whole") {
  const std::chrono::seconds long_enough(60);
  CHECK(apart([] { return std::string(); }, long_enough).empty());
  const std::string much(3'000'000, 'x');
  CHECK(apart([&] { return much; }, long_enough) == much);
}

TEST_CASE("apart: what ends the other process is an error here") {
  const std::chrono::seconds long_enough(60);
  CHECK_THROWS_AS(apart([]() -> std::string { _exit(0); }, long_enough), SystemError);
  const auto abort = []() -> std::string {
    std::signal(SIGABRT, SIG_DFL);  // Catch's would write into the report, from the other process
    std::abort();
  };
  CHECK_THROWS_AS(apart(abort, long_enough), SystemError);
  CHECK_THROWS_AS(apart([]() -> std::string { throw std::runtime_error("no"); }, long_enough), SystemError);
}

TEST_CASE("apart: what takes too long is an error, and its process ends") {
  const auto sleep = [] {
    std::this_thread::sleep_for(std::chrono::hours(1));
    return std::string();
  };
  CHECK_THROWS_AS(apart(sleep, std::chrono::milliseconds(20)), SystemError);
}

TEST_CASE("apart: a process that begins early has what was there, but for what it forgot") {
  const std::chrono::seconds long_enough(60);
  std::string held(1'000'000, 'x');
  const auto work = [&](const std::string& path) {
    std::ifstream file(path);
    return std::to_string(held.size()) + std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto forget = [&] { held = "there"; };
  Early early(forget, work);
  CHECK(held.size() == 1'000'000);
  held = "changed here alone";
  const std::string text(3'000'000, 'y');
  CHECK(early.answer(text, long_enough) == "5" + text);
  Early ends(forget, [](const std::string&) -> std::string { _exit(0); });
  CHECK_THROWS_AS(ends.answer(text, long_enough), SystemError);
  const Early unasked(forget, work);
}

}  // namespace knockwork
