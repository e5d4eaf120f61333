// What time it is on this host, by its clocks.
#pragma once

#include <chrono>
#include <string>

namespace knockwork {

// Since the epoch. Anybody with the right may set it.
std::chrono::milliseconds wall_clock();

// CLOCK_BOOTTIME, clock_gettime(2): goes on while the host sleeps, and nobody sets it.
std::chrono::milliseconds boot_clock();

// CLOCK_MONOTONIC: the same, but for the time in which the host sleeps. What expires in the kernel's sets
// counts by it.
std::chrono::milliseconds awake_clock();

// Tells one boot from another, random(4); empty where the system has none. Throws SystemError.
std::string boot_id();

// When process 1 started, by the boot clock; empty where that is not shown. A container starts anew without a
// boot.
std::string init_start();

}  // namespace knockwork
