// Sequences drawn from a secret: which epoch it is, which key is in force, which
// ports come out. docs/derivation.md fixes all of it byte by byte, so that anyone
// can write a client.
//
//   secret file → Secrets → HostKey → Deriver → the knocks of one epoch
//
// Pure but for what reads files and the clock. No message of an error here holds a secret or a port.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/report.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

// The number of a rotation period.
using Epoch = std::uint64_t;

// Time since 1970, UTC, without leap seconds.
using UnixTime = std::chrono::milliseconds;
UnixTime unix_time();  // by this host's clock

// The epoch in force: the declared one, or what the clock says.
Epoch current_epoch(const Derivation& derivation, UnixTime now);

// The epochs a host accepts, ascending: the declared ones; or by the clock the one in force,
// beside the one before it within `overlap` after the boundary between them, and beside the
// one after it within `overlap` before that boundary.
std::vector<Epoch> accepted_epochs(const Derivation& derivation, UnixTime now);
// Those of any of these times, where it is not sure which one it is.
std::vector<Epoch> accepted_epochs(const Derivation& derivation, const std::vector<UnixTime>& times);

// The epochs a client tries, the likeliest first: the one in force, the next, the one before.
// A host that is ahead or behind by one rotation still lets it in.
std::vector<Epoch> tried_epochs(const Derivation& derivation, UnixTime now);

// "ssh#41": what an epoch's sequence is called.
std::string epoch_name(std::string_view sequence, Epoch epoch);
// The other way; nullopt of a sequence that was written down.
std::optional<Epoch> epoch_of(std::string_view name);

// What all sequences of one host are drawn from. Wiped when it goes.
class HostKey {
 public:
  static constexpr std::size_t kBytes = 32;
  using Bytes = std::array<std::uint8_t, kBytes>;

  explicit HostKey(const Bytes& bytes) : bytes_(bytes) {}
  HostKey(const HostKey&) = default;
  HostKey& operator=(const HostKey&) = default;
  ~HostKey();
  const Bytes& bytes() const { return bytes_; }
  bool operator==(const HostKey&) const = default;

 private:
  Bytes bytes_;
};

inline constexpr std::size_t kShortestSecret = 16;  // bytes of a master secret
inline constexpr std::size_t kLongestSecret = 1024;

// The key of one host of a fleet. `master` has kShortestSecret to kLongestSecret bytes; the
// host's name counts in lower case. Throws SystemError where it is not a valid host name.
HostKey host_key(std::string_view master, std::string_view host);

// The ports that may be drawn: ascending ranges with a gap between each two.
std::vector<PortRange> pool(const Derivation& derivation);

// How many sequences there are to draw from.
double choices(const Derivation& derivation);

// The binary logarithm of a number of choices, at least 1: how many bits it takes to name one.
double bits_of(double choices);

// Draws the sequence `name` of the host of `key`; at() once per epoch. The key's state is
// computed once, so this is the fast way to many epochs.
class Deriver {
 public:
  Deriver(const HostKey& key, std::string_view name, const Derivation& derivation);
  Deriver(Deriver&&) noexcept;
  Deriver& operator=(Deriver&&) noexcept;
  ~Deriver();

  std::vector<Knock> at(Epoch epoch);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The same for one epoch.
std::vector<Knock> derive(const HostKey& key, std::string_view name, const Derivation& derivation,
                          Epoch epoch);

// What a secret file holds: lines `[FROM_EPOCH] master:BASE64` or `[FROM_EPOCH] host:NAME:BASE64`.
class Secrets {
 public:
  struct Line {
    Epoch from = 0;    // the first epoch it is in force
    std::string host;  // empty for a master secret
    std::string bytes;
  };

  // `name` is what errors call the file. Throws SystemError with every fault.
  static Secrets parse(std::string_view text, std::string name);

  Secrets(const Secrets&) = default;
  Secrets& operator=(const Secrets&) = default;
  ~Secrets();

  // The key of `host` in force in `epoch`: of the lines for it (its own and master's) that with
  // the greatest FROM_EPOCH up to `epoch`. Throws SystemError where there is none, which names
  // the hosts that the file does have keys of.
  HostKey key(std::string_view host, Epoch epoch) const;

  const std::vector<Line>& lines() const { return lines_; }

 private:
  Secrets(std::string name, std::vector<Line> lines) : name_(std::move(name)), lines_(std::move(lines)) {}

  std::string name_;
  std::vector<Line> lines_;
};

// Reads a secret file. Throws SystemError where there is none, where it is not the reader's or
// root's, where others may read or write it, or where it is not valid.
Secrets read_secrets(const std::filesystem::path& file);

// Where the key of a derivation in an epoch comes from.
using KeyOf = std::function<HostKey(const Derivation&, Epoch)>;

// The declaration with each derived sequence `ssh` replaced by plain ones, `ssh#41`, for every
// epoch that is accepted at any of `times`: the time it is, and others that it may be. Pure.
Spec resolve(const Spec& spec, const std::vector<UnixTime>& times, const KeyOf& key_of);

bool has_derived(const Spec& spec);

// Whether what the declaration says changes with time: tokens, and epochs by the clock.
bool changes_with_time(const Spec& spec);

// resolve() with the secret files of this host, now or at another time. A declaration without
// derived sequences comes back as it is. Throws SystemError where a secret cannot be had.
Spec in_force(const Spec& spec, std::optional<UnixTime> at = std::nullopt);

// What this host's clock says, and what its sequences make of it. Needs no secret.
struct ClockStatus {
  struct Sequence {
    std::string name;
    Epoch epoch = 0;
    std::vector<Epoch> accepts;
    UnixTime until{0};  // when the next epoch begins; 0 where it does not go by the clock
  };
  UnixTime now{0};
  bool synchronised = false;         // kept by NTP, as the kernel knows it: adjtimex(2)
  std::chrono::milliseconds off{0};  // against the time since the last apply; 0 where it is believed
  std::vector<Sequence> sequences;
};
ClockStatus clock_status(const Spec& declared);
std::string to_text(const ClockStatus& status);
std::string to_json(const ClockStatus& status);

// Believes this host's clock from now on, however far it is from what it was.
void trust_clock();

inline constexpr const char* kDefaultSecretFile = "/etc/knockwork/secret";

// Makes a master secret of 32 random bytes, in force from epoch `from`: the first line of a new
// file, mode 0600, or with Append::yes a further one of a file that may be there. Throws
// SystemError, and where the file is there with Append::no.
enum class Append { no, yes };
void make_secret(const std::filesystem::path& file, Epoch from, Append append);

// What to install as the secret file of a host: its key for every master secret of `secrets`, a
// line each. Holds keys. Throws SystemError.
std::string host_key_lines(const Secrets& secrets, std::string_view host);

// A derived sequence in one epoch, as reports show it.
struct Drawn {
  std::string sequence;
  Epoch epoch = 0;
  std::string shown;  // a fingerprint, or the knocks with Ports::revealed
  int knocks = 0;
  double bits = 0;
};
// Of the accepted epochs, or of the one that is asked for.
std::vector<Drawn> drawn(const Spec& spec, std::optional<Epoch> epoch, Ports ports);
std::string to_text(const std::vector<Drawn>& drawn);
std::string to_json(const std::vector<Drawn>& drawn);

// A line of a secret file, with its newline. Holds the secret.
std::string secret_line(const Secrets::Line& line);

// The name by which a declaration without `host` derives: this host's, in lower case. Throws SystemError
// where it has none.
std::string own_host_name();

// What `derivation.host` means on this host. Throws SystemError where that is its name, and it has none.
std::string host_of(const Derivation& derivation);

}  // namespace knockwork
