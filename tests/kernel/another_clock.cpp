// Preloaded: the time of day is another one, by the seconds in CLOCK_SET_BY.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long failed = ::syscall(SYS_clock_gettime, clock, now);
  const char* by = std::getenv("CLOCK_SET_BY");
  if (failed == 0 && clock == CLOCK_REALTIME && by != nullptr) now->tv_sec += std::strtol(by, nullptr, 10);
  return static_cast<int>(failed);
}
