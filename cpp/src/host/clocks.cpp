#include "host/clocks.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {

using std::chrono::milliseconds;

namespace {

milliseconds time_by(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::duration_cast<milliseconds>(std::chrono::seconds(now.tv_sec) +
                                                  std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

milliseconds wall_clock() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

milliseconds boot_clock() { return time_by(CLOCK_BOOTTIME); }
milliseconds awake_clock() { return time_by(CLOCK_MONOTONIC); }

std::string boot_id() {
  const std::string text = read_file("/proc/sys/kernel/random/boot_id").value_or("");
  return text.substr(0, text.find('\n'));
}

std::string init_start() {
  std::string text;
  try {
    text = read_file("/proc/1/stat").value_or("");
  } catch (const SystemError&) {
    return {};
  }
  std::istringstream fields(text.substr(std::min(text.rfind(')'), text.size())));  // its name may be anything
  std::string field;
  for (int number = 2; number <= 22 && fields >> field;) ++number;
  return fields ? field : "";
}

}  // namespace knockwork
