// What time it is on this host, by its two clocks.
#pragma once

#include <chrono>
#include <string>

namespace knockwork {

// Since the epoch. Anybody with the right may set it.
std::chrono::milliseconds wall_clock();

// CLOCK_BOOTTIME, clock_gettime(2): goes on while the host sleeps, and nobody sets it.
std::chrono::milliseconds boot_clock();

// Tells one boot from another, random(4); empty where the system has none. Throws SystemError.
std::string boot_id();

// When process 1 started, by the boot clock; empty where that is not shown. A container starts anew without a
// boot.
std::string init_start();

}  // namespace knockwork
