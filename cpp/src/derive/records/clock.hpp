// Whether this host's clock can be believed: compared with what it was at an earlier apply and
// the time that the kernel counted since, which no one can set.
//
// A clock that is doubted shuts nobody out: the epochs of both times are accepted. It is doubted
// until both agree again, until NTP keeps a clock that it did not keep before in this boot, or until
// trust_clock(). Over a reboot only a clock that went back is noticed: how long the host was off,
// nobody knows.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "knockwork/derive.hpp"

namespace knockwork {

struct ClockReading {
  UnixTime wall{0};
  std::string boot;                     // /proc/sys/kernel/random/boot_id
  std::chrono::milliseconds uptime{0};  // CLOCK_BOOTTIME: goes on while the host sleeps
  bool synchronised = false;
  bool doubted = false;  // of a record: `wall` is then not what the clock said
  bool operator==(const ClockReading&) const = default;
};

struct ClockVerdict {
  std::chrono::milliseconds off{0};    // of a doubted clock: ahead, or behind where negative
  std::optional<ClockReading> record;  // to be written; nothing where the old one will do
};

// Pure. `slack` is how far a clock may be off unnoticed.
ClockVerdict judge(const std::optional<ClockReading>& record, const ClockReading& now,
                   std::chrono::milliseconds slack);

std::string to_json(const ClockReading& record);
// nullopt where the text is none: what is damaged is written anew.
std::optional<ClockReading> parse_reading(const std::string& text);

ClockReading read_clock();

struct Times {
  std::vector<UnixTime> times;  // the time it is, and that it may be as well
  ClockVerdict verdict;
};

// For the sequences of `spec` that go by the clock; reads it, and its record under /var/lib/knockwork.
Times clock_times(const Spec& spec);

enum class Keep { record, nothing };

// in_force() with what there is to say about the clock.
struct InForce {
  Spec spec;
  std::vector<std::string> warnings;
};
InForce resolved(const Spec& declared, Keep keep);

}  // namespace knockwork
