// The one place where the kernel is touched: read our table, commit a
// transaction, ask for the generation. Everything else is pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

struct LiveTable;    // ruleset/ruleset.hpp
struct Ruleset;      // ruleset/ruleset.hpp
struct Transaction;  // ruleset/transaction.hpp

inline constexpr std::string_view kTable = "inet knockwork";

// The kernel has judged a transaction: another one may be taken.
class Refused : public SystemError {
 public:
  using SystemError::SystemError;
};

// Where and when a ruleset was: two equal marks mean that nobody committed
// anything in this network namespace in between.
struct Generation {
  std::string boot;          // /proc/sys/kernel/random/boot_id
  std::uint64_t netns = 0;   // SO_NETNS_COOKIE, unique until the next boot
  std::uint32_t number = 0;  // NFT_MSG_GETGEN; moves with every committed transaction
  bool operator==(const Generation&) const = default;
};

// What the rules report with `log`: a source that a sequence let in, or a wrong knock.
struct Event {
  enum class Kind { grant, wrong };
  Kind kind = Kind::grant;
  std::chrono::milliseconds at{0};  // since the epoch
  Network source;
  std::uint32_t edge = 0;  // of a grant: the last edge of its sequence
  bool operator==(const Event&) const = default;
};

// Both throw SystemError where the system refuses.
class Events {
 public:
  struct Batch {
    std::vector<Event> events;
    bool lost = false;  // more came than there was room for
  };
  virtual ~Events() = default;
  virtual Batch next(std::chrono::milliseconds longest) = 0;  // waits for it; empty where nothing came
};

// Those of the network namespace the calling thread is in, through nfnetlink_log.
std::unique_ptr<Events> open_events();

// What others commit in this network namespace, as the kernel tells it. Throws SystemError where it refuses.
class Commits {
 public:
  virtual ~Commits() = default;
  // Whether somebody may have changed our table since the last call: waits for it so long at most.
  virtual bool wait(std::chrono::milliseconds longest) = 0;
};

// Through netlink (NFNLGRP_NFTABLES), from now on.
std::unique_ptr<Commits> open_commits();

// A connection, as its first packet came; or where it was delivered, when its address was translated.
struct Flow {
  Protocol protocol = Protocol::tcp;
  Network source;
  std::uint16_t source_port = 0;
  Network target;
  std::uint16_t port = 0;
  auto operator<=>(const Flow&) const = default;
};

// A network interface.
struct Link {
  std::string name;
  std::vector<std::string> other_names;  // its alternative ones
  std::string master;                    // the bridge, bond or VRF it belongs to; empty where none
  bool is_vrf = false;                   // its members' packets arrive on them first, and then on it
  bool operator==(const Link&) const = default;
};

// Where another table forwards packets past every rule.
struct Flowtable {
  std::string table;  // "inet filter"
  std::string name;
  bool operator==(const Flowtable&) const = default;
};

// With `offloaded`, only those that a flowtable forwards past every rule are forgotten.
enum class Ending { all, offloaded };

// Every function throws SystemError where the system refuses.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // The table `inet knockwork` as it stands; nothing where there is none.
  // A table of that name which is not ours comes back with `ours` unset.
  virtual std::optional<LiveTable> read() = 0;

  // The listing of all tables but ours, without the elements of their named sets, as nft prints it.
  virtual std::string others() = 0;

  // How the nftables in use would list a table like that, asked of a scratch one that nobody sees: each
  // release has its own spelling of some rules. Nothing where none can be made.
  virtual std::optional<Ruleset> as_listed(const Ruleset& ruleset) = 0;

  // To be told before much is in memory: libnftables works in a copy of this process. `forget` is called
  // there, to free what it does not need. Throws nothing.
  virtual void expect_commit(const std::function<void()>& forget) = 0;

  // All of it or nothing of it.
  virtual void commit(const Transaction& transaction) = 0;

  virtual Generation generation() = 0;

  // Tells the sets that remember which tokens were used from any that were there before or after them, loaded
  // by whomever; empty where there are none.
  virtual std::string token_memory() = 0;

  // The connections through this host and to it, as far as it knows them.
  virtual std::vector<Flow> flows() = 0;

  virtual std::vector<Link> links() = 0;

  // Of all tables; none where the kernel cannot tell.
  virtual std::vector<Flowtable> flowtables() = 0;

  // Closes the TCP sockets of this host at their ends, and has conntrack forget them.
  virtual void end(const std::vector<Flow>& flows, Ending ending) = 0;
};

// The kernel of the network namespace the calling thread is in, through libnftables.
std::unique_ptr<Kernel> open_kernel();

}  // namespace knockwork
