// The one place where the kernel is touched: read our table, commit a
// transaction, ask for the generation. Everything else is pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace knockwork {

struct LiveTable;    // ruleset/ruleset.hpp
struct Transaction;  // plan/plan.hpp

// Where and when a ruleset was: two equal marks mean that nobody committed
// anything in this network namespace in between.
struct Generation {
  std::string boot;          // /proc/sys/kernel/random/boot_id
  std::uint64_t netns = 0;   // SO_NETNS_COOKIE, unique until the next boot
  std::uint32_t number = 0;  // NFT_MSG_GETGEN; moves with every committed transaction
  bool operator==(const Generation&) const = default;
};

// Every function throws SystemError where the system refuses.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // The table `inet knockwork` as it stands; nothing where there is none.
  // A table of that name which is not ours comes back with `ours` unset.
  virtual std::optional<LiveTable> read() = 0;

  // All of it or nothing of it.
  virtual void commit(const Transaction& transaction) = 0;

  virtual Generation generation() = 0;
};

// The kernel of the network namespace the calling thread is in, through libnftables.
std::unique_ptr<Kernel> open_kernel();

}  // namespace knockwork
