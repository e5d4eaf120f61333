// What a report shows of secrets: keyed fingerprints, which tell two sequences
// apart and one from its past, and nothing to who lacks the host's key.
#pragma once

#include <string>
#include <string_view>

#include "knockwork/report.hpp"
#include "report/shown.hpp"

namespace knockwork {

// The same on every host of a fleet, so that fingerprints can be compared: 16 bytes at least, mode 0600.
inline constexpr const char* kFleetKey = "/etc/knockwork/fingerprint.key";

enum class MissingKey { make, make_if_possible, do_without };

class Fingerprints {
 public:
  // The fleet's key where the host has one, else the host's own: 32 random bytes in
  // /var/lib/knockwork, made at the first apply. Where it is missing and must not be
  // made, there are no fingerprints: those of another key would not be found again. Throws SystemError, but
  // for who makes it if possible: a key that cannot be used stops no gate and no rollback. Where it cannot be
  // made, that is one that lives as long as this value.
  static Fingerprints of_this_host(MissingKey missing);
  explicit Fingerprints(std::string key) : key_(std::move(key)) {}

  // HMAC-SHA256 (RFC 2104), the first four bytes in hexadecimal; empty without a key.
  std::string of(std::string_view text) const;

  Shown shown(Ports ports) const;

 private:
  std::string key_;
};

// Like a host's fingerprints, with a key of the user's own, made at first use in user_folder().
// Throws SystemError.
std::string user_fingerprint(std::string_view text);

}  // namespace knockwork
