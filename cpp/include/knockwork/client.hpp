// The client side: what a profile knows of a host, and knocking on it.
//
// Needs no privileges and no gate of this host. Results and messages name hosts
// and sequences, never a port, except that which the caller named to be checked.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/spec.hpp"
#include "knockwork/token.hpp"

namespace knockwork {

class Wire;         // wire.hpp: sockets and clock
class TokenMemory;  // which tokens were sent: client/tokens/memory.hpp

// One entry of a profile.
struct ProfileHost {
  std::vector<std::string> patterns;  // fnmatch(3), upper and lower case alike
  std::string address;                // a name or an address; empty: the host as it is named
  Duration lockout;                   // resolved: the declared one, else the longest step_timeout
  std::vector<Sequence> sequences;
  bool operator==(const ProfileHost&) const = default;
};

struct Profile {
  std::string name;  // its file, for messages
  std::vector<ProfileHost> hosts;
  bool operator==(const Profile&) const = default;
};

// Reads and validates; `name` is what diagnostics call the text. Pure.
// Throws InvalidDeclaration with every fault.
Profile load_profile(const std::string& name, const std::string& text);

// The file of a profile: `~/.config/knockwork/hosts.yml` where `file` is empty. Throws
// SystemError where it is missing, or not its user's own and closed to all others.
Profile read_profile(const std::filesystem::path& file);

// A profile of one host from its declaration, to be read back by load_profile(). Holds ports.
std::string to_yaml(const ProfileHost& host);
std::string to_json(const ProfileHost& host);
// The entry for this host, under this name. Throws SystemError where name or address is not valid, or where
// this host's own name is needed and it has none.
ProfileHost export_host(const Spec& spec, const std::string& host, const std::string& address);
// The same for one person: that sequence alone, with no secret but its own. Of a token its key; of a derived
// sequence the knocks of the epoch in force, written down. Throws SystemError.
ProfileHost export_for(const Spec& spec, const std::string& sequence, const std::string& host,
                       const std::string& address);

enum class Family { any, ipv4, ipv6 };

// How this host reaches the other.
struct Way {
  Family family = Family::any;
  std::string source;     // an address of this host; empty: the kernel's choice
  std::string interface;  // by name; empty: by the routes
};

// Where a sequence's tokens come from and go to.
struct TokenSource {
  Knock port;
  Duration period;
  TokenKey key;
  std::function<TokenBytes(Window, Losses)> draw;
  std::shared_ptr<TokenMemory> memory;
};

// A host to knock on, and how it is opened.
struct KnockTarget {
  std::string host;                    // as the user calls it
  std::string address;                 // where knocks and connections go
  std::string sequence;                // its name; empty for knocks given by hand
  std::optional<std::uint64_t> epoch;  // in force by the profile and this clock, of a derived sequence
  std::vector<Service> opens;          // what it opens; empty for knocks given by hand
  // The knocks; of a derived sequence those of its neighbours as well, in the order in which to try them.
  std::vector<std::vector<Knock>> knocks;
  std::optional<TokenSource> token;  // in their place
  // As far as they are known; of knocks given by hand they are not.
  std::optional<std::chrono::milliseconds> lockout, step_timeout, sequence_timeout;
  std::optional<Service> proof;  // a TCP port of the same address that tells whether the sequence has opened
  std::string unknown;  // why there are no knocks: then with try_first the port is tried, and no more
};

// Which sequence of a host is meant. Throw SystemError where none or more than one is.
KnockTarget target_named(const Profile& profile, const std::string& host, const std::string& name);
KnockTarget target_opening(const Profile& profile, const std::string& host, Service service);
KnockTarget only_target(const Profile& profile, const std::string& host);
// Knocks given by hand, as a declaration writes them. Throws SystemError, never with a port.
KnockTarget target_of_knocks(const std::string& host, const std::vector<std::string>& knocks);

// Of a host that may not be gated yet: none is known, and `why` is said if the port is not open.
KnockTarget unknown_target(const std::string& host, const std::string& why);

// What can be checked: one TCP port, "22/tcp" or "22". Throws SystemError.
Service tcp_service(std::string_view text);

struct Knocking {
  Way way;
  // Between two knocks. Not given: until the host answers the first of them, else as long as it takes that
  // the second does not overtake it; of a profile's sequence an unanswered knock is then sent again.
  std::optional<std::chrono::milliseconds> delay;
  std::chrono::milliseconds jitter{0};      // at random, added to each delay
  std::chrono::milliseconds timeout{5000};  // of each connection tried
  // Where nothing opened it is knocked again, after pauses that grow: so many times at most (the last one
  // then comes after the lockout, as far as that is known), and for so long. Neither given: for the lockout
  // and 10 s more. With tokens each time is one token, and no lockout matters.
  std::optional<int> retries;
  std::optional<std::chrono::milliseconds> within;
  bool try_first = false;  // connect before knocking
};

// A connected socket, closed with its owner.
class Socket {
 public:
  explicit Socket(int number = -1) : number_(number) {}
  ~Socket();
  Socket(Socket&& other) noexcept : number_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept;
  int number() const { return number_; }
  int release();

 private:
  int number_;
};

struct Knocked {
  enum class Outcome {
    sent,         // nothing was to be checked
    open,         // the service answered
    refused,      // it answered: closed
    unreachable,  // no answer, no route, no such host
  };
  Outcome outcome = Outcome::sent;
  std::string host;
  std::string address;                 // that was knocked on last; empty where there was none
  std::vector<std::string> addresses;  // that the outcome holds for: `address`, or one of each family
  std::string sequence;                // as in KnockTarget
  int rounds = 0;                      // how often was knocked
  std::string message;                 // one sentence where it was not open
};

// What happens meanwhile, for a terminal.
struct Progress {
  enum class Kind { knocking, waiting };
  Kind kind = Kind::knocking;
  int round = 0;                      // from 1
  int step = 0, steps = 0;            // knocking
  std::chrono::milliseconds wait{0};  // waiting: for how long
};
using ShowProgress = std::function<void(const Progress&)>;

std::unique_ptr<Wire> open_wire();

// Knocks once, and says what became of it. Throws SystemError where this host cannot do what was asked.
Knocked knock(const KnockTarget& target, const Knocking& how, Wire& wire, const ShowProgress& show = {});
// Knocks until the service (one TCP port) answers, or retries are used up. No connection reaches the program
// that listens there.
Knocked knock_open(const KnockTarget& target, Service service, const Knocking& how, Wire& wire,
                   const ShowProgress& show = {});
// The same at one address of each family that the host has and this one has a way to; the worse outcome
// counts. Without a service once, as knock() does.
Knocked knock_both(const KnockTarget& target, std::optional<Service> service, const Knocking& how, Wire& wire,
                   const ShowProgress& show = {});
// The same, and keeps the connection.
struct Connected {
  Knocked knocked;
  Socket socket;
};
Connected connect(const KnockTarget& target, Service service, const Knocking& how, Wire& wire,
                  const ShowProgress& show = {});

std::string to_text(const Knocked& knocked);
std::string to_json(const Knocked& knocked);

// ssh's ProxyCommand: hands the socket over to who holds the other end of `channel`
// (SCM_RIGHTS, as ssh_config's ProxyUseFdpass asks). Throws SystemError.
void send_socket(const Socket& socket, int channel);
// Copies both ways until both have ended; an end of either side is passed on.
void relay(Socket socket, int in, int out);

}  // namespace knockwork
