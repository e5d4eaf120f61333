// Whether the gate will stand after a reboot. Reads files; touches no kernel.
#pragma once

#include <string>
#include <vector>

#include "knockwork/report.hpp"

namespace knockwork {

// As far as the files of this host tell.
struct Boot {
  enum class Stands { yes, no, unknown };
  Stands stands = Stands::unknown;
  bool installed = false;  // there is a knockwork.service
  bool enabled = false;    // and something starts it
  std::string why;         // not with yes: half a sentence
  bool timer = false;      // something starts knockwork-rotate.timer
  bool operator==(const Boot&) const = default;
};

// Of this host; in another network namespace than that of process 1 nothing is known.
Boot boot();

// What there is to say after an apply of this file, where a reboot undoes it, or where nothing applies it
// again although time changes it.
enum class Timer { not_needed, needed };
std::vector<std::string> boot_warnings(const Boot& boot, const std::string& file, Timer timer);

std::string to_json(const Boot& boot);

// A status with it.
std::string to_text(const Status& status, const Boot& boot);
std::string to_json(const Status& status, const Boot& boot);

}  // namespace knockwork
