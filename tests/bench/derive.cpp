// How many sequences one core draws in a second of its own time: of many epochs of one host, and of
// many hosts of a fleet, whose keys are made from the master as well. A line for each: what, and how many.
#include "knockwork/derive.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

namespace {

using namespace knockwork;

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

template <typename Draw>
void measure(const char* what, Draw draw) {
  constexpr double kSeconds = 1;
  const double start = cpu_seconds();
  unsigned long count = 0, sum = 0;
  do {
    for (int batch = 0; batch < 1000; ++batch) sum += draw(count++).front().port;
  } while (cpu_seconds() - start < kSeconds);
  if (sum == 0) return;  // so that nothing is optimised away
  std::printf("%s %.0f\n", what, static_cast<double>(count) / (cpu_seconds() - start));
}

}  // namespace

int main() {
  const std::string master = "0123456789abcdef0123456789abcdef";
  Derivation derivation;
  derivation.length = 5;
  Deriver one(host_key(master, "web1"), "ssh", derivation);
  measure("epochs", [&](Epoch epoch) { return one.at(epoch); });
  measure("hosts", [&](Epoch number) {
    return derive(host_key(master, "web" + std::to_string(number)), "ssh", derivation, 41);
  });
}
