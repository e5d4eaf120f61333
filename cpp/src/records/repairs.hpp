// How often drift was repaired on this host: /var/lib/knockwork/repairs.json.
#pragma once

#include <chrono>
#include <cstdint>

namespace knockwork {

struct Repairs {
  std::uint64_t count = 0;
  std::chrono::milliseconds last{0};  // since the epoch
  bool operator==(const Repairs&) const = default;
};

// None where there is no record, or none that can be read.
Repairs read_repairs();

// One more; lost where it cannot be written.
void note_repair(std::chrono::milliseconds now);

}  // namespace knockwork
