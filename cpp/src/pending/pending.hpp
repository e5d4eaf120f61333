// An apply that waits for its confirmation, as it lies on the disk: all that is
// needed to take it back, by whichever process, after a reboot as well.
//
// /var/lib/knockwork/pending.json is written before anything is
// committed. A confirmation deletes it. A rollback gives it the name rolled_back.json:
// so the next boot knows which declaration must not come back by itself, and
// the note needs no room on a full disk.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/report.hpp"
#include "records/state.hpp"
#include "tokens/record.hpp"

namespace knockwork {

struct Pending {
  std::string id;
  std::string boot;                                    // in which it was armed
  std::string init;                                    // init_start() of that; empty: not known
  std::chrono::milliseconds at{0};                     // since the epoch, for people
  std::chrono::milliseconds armed{0}, deadline{0};     // CLOCK_BOOTTIME
  std::optional<std::chrono::milliseconds> committed;  // the same; unset until the table stands
  std::chrono::milliseconds committed_awake{0};        // awake_clock() then
  std::string digest;                                  // of the ruleset that was applied
  std::string listed;                 // of its listing, where nftables has other words for it
  std::string declared;               // of the declaration, whatever the epoch
  std::optional<std::string> before;  // the ruleset that comes back; unset: there was no table
  Saved grants;                       // of before
  std::vector<TokenFeed> tokens;      // the same
  std::vector<FileChange> files;
  bool operator==(const Pending&) const = default;
};

// Whether its time is over, by the clock of the boot it was armed in; one of an earlier boot, or start of a
// container, is over: whoever would have taken it back is gone.
bool is_over(const Pending& pending, const std::string& boot, const std::string& init,
             std::chrono::milliseconds now);
Waiting waiting(const Pending& pending, std::chrono::milliseconds now);

std::string to_json(const Pending& pending);
// Throws SystemError where the text is not such a note.
Pending parse_pending(const std::string& text);

// All throw SystemError.
std::optional<Pending> read_pending();
bool is_pending();  // whether there is a note, readable or not
void write_pending(const Pending& pending);
void forget_pending();
void note_rolled_back();  // from now on read_rolled_back() has it, read_pending() nothing
std::optional<Pending> read_rolled_back();
void forget_rolled_back();

// The same for those who must go on: a note that cannot be read is nothing, and a warning.
std::optional<Pending> read_pending(std::vector<std::string>& warnings);

// Its ruleset of before. Throws SystemError where that is none that can be loaded.
Ruleset ruleset_before(const Pending& pending);

// For a start of the host, which nobody watches: a note that cannot be read or brought back is put
// aside beside its name, with a warning, and costs no more than what it held.
std::optional<Pending> usable_pending(std::vector<std::string>& warnings);
std::optional<Pending> usable_rolled_back(std::vector<std::string>& warnings);

// "apply 5f1d92ab waits …": why nothing else may happen now.
std::string why_refused(const Waiting& waiting);

// A new id: 8 random hexadecimal digits.
std::string new_id();

}  // namespace knockwork
