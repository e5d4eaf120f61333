// Runs the tests, and sees to it that they leave nothing on the machine: unit tests are pure.
#define CATCH_CONFIG_RUNNER
#include <filesystem>
#include <iostream>

#include "catch.hpp"

namespace {

// What an apply writes; where knockwork is installed it may be there before.
bool has_state() {
  return std::filesystem::exists("/var/lib/knockwork") || std::filesystem::exists("/run/knockwork");
}

}  // namespace

int main(int argc, char** argv) {
  const bool had_state = has_state();
  const int failed = Catch::Session().run(argc, argv);
  if (had_state || !has_state()) return failed;
  std::cerr << "a test left state in /var/lib/knockwork or /run/knockwork\n";
  return 1;
}
