// What a command answers, and what is asked of it beside the declaration. Reports name sequences and show
// keyed fingerprints; ports appear only with Ports::revealed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace knockwork {

enum class Ports { hidden, revealed };
enum class Execution { apply, check };

// One thing that would converge the kernel, in a user's words.
struct Change {
  enum class Kind { add, change, remove };
  Kind kind = Kind::add;
  std::string object;  // "sequence", "table", "chain", "set", …
  std::string name;    // "ssh"
  std::string before;  // one line; empty when added
  std::string after;   // one line; empty when removed
  std::string why;     // "step_timeout 5s → 10s", "changed by hand", …
  bool operator==(const Change&) const = default;
};

// An apply that waits for its confirmation; nobody's word, and it is taken back.
struct Waiting {
  std::string id;
  std::chrono::milliseconds since{0};      // since the epoch, by the host's clock
  std::chrono::milliseconds remaining{0};  // until it is taken back
  bool operator==(const Waiting&) const = default;
};

struct Report {
  bool changed = false;  // nothing else than "there are changes"
  std::vector<Change> changes;
  std::vector<std::string> warnings;
  std::optional<Waiting> pending;  // what this apply armed
  std::string incomparable;        // why nothing was compared with the table; empty: it was
  std::string degraded;  // why a start loaded something else than the declaration; empty: it did not
  // Where the operator is connected from, if that session goes on and a new one has to knock. A warning says
  // so.
  std::string must_knock;
  // That the host's record accepts, where a sequence leaves its epochs to that.
  std::vector<std::uint64_t> epochs;
  bool needs_timer = false;  // what is declared changes with time: knockwork-rotate.timer has to apply it
};

// A source address that may open connections now, or one that is locked out.
struct Holder {
  std::string source;    // its address, or its network
  std::string sequence;  // empty for a lockout
  std::chrono::milliseconds remaining{0};
};

struct SequenceStatus {
  std::string name;
  std::string fingerprint;
  int knocks = 0;
  int services = 0;
  std::string opens;  // only with Ports::revealed
  bool once = false;
  bool spent = false;      // a `once` sequence that was used: `knockwork renew`
  bool token = false;      // it is opened by tokens: then there are neither knocks nor a fingerprint
  std::uint64_t uses = 0;  // grants by it since the table has it
};

// A set that packets fill, and how far they have.
struct SetFill {
  std::string name;
  std::uint64_t used = 0;
  std::uint64_t size = 0;
};
// Beyond that much of it, there is something to be said.
bool nearly_full(const SetFill& set);

struct Status {
  bool present = false;
  bool foreign = false;   // a table of that name is there, and knockwork did not create it
  bool declared = false;  // there is a declaration in the usual place
  std::string degraded;   // why what stands is not what is declared; empty: nothing says so
  std::string mode;       // "gate" or "stealth"
  std::vector<std::string> always_allow;
  std::vector<std::string> interfaces;  // that are protected; none: all but loopback
  std::vector<SequenceStatus> sequences;
  std::vector<std::uint64_t> epochs;  // of derived sequences, ascending
  std::vector<Holder> grants;
  std::vector<Holder> lockouts;
  int half_done = 0;  // sources in the middle of a sequence
  // Until when the table has tokens of all sequences that have any, since 1970, and how long that is; nothing
  // where none has.
  std::optional<std::chrono::milliseconds> tokens_until;
  std::chrono::milliseconds tokens_left{0};
  std::vector<std::string> out_of_tokens;  // sequences that nobody can open before the next top-up
  std::uint64_t spent_tokens = 0;          // that the table remembers
  std::vector<SetFill> fill;               // by name
  std::string format;                      // of the table: "1"
  std::optional<bool>
      drifted;  // whether the table is another than was last applied; nothing: nobody can tell
  std::optional<Waiting> pending;
  std::vector<std::string> warnings;
};

// A file that changes with an apply. A rollback puts back what was there before
// (nothing: no file), unless the file holds something else by then.
struct FileChange {
  std::string path;
  std::optional<std::string> before;
  std::optional<std::string> after;
  bool operator==(const FileChange&) const = default;
};

// Who asked for an apply: somebody who may want again what was rolled back, or
// the system (boot, reload), which must not.
enum class Asked { by_someone, by_the_system };

// What becomes of the grants and connections of sequences that an apply removes or
// changes: they expire and go on, or they are taken back and cut in the same transaction.
enum class Retired { expire, revoked };

// What becomes of an apply that protects nothing, since none of the declared interfaces exists (yet).
enum class Absent { refused, allowed };

struct Settings {
  Ports ports = Ports::hidden;
  std::chrono::milliseconds lock_timeout{30000};
  std::string ssh_connection;  // the value of SSH_CONNECTION, for the warning about one's own way back in
  Asked asked = Asked::by_someone;
  std::string via;  // the program that asks in somebody's name, "Ansible": for the audit log; empty: none
  std::optional<std::chrono::milliseconds> confirm_within;  // of an apply: 1 s to 1 h
  std::vector<FileChange> files;  // with confirm_within: what else a rollback undoes
  Retired retired = Retired::expire;
  Absent absent = Absent::refused;  // with Asked::by_the_system always allowed
};

// What a confirmation has to show: nothing, or that who confirms could come in
// anew since the commit (by Settings::ssh_connection; the connection that lives
// on shows nothing, nor does a grant from before).
enum class Proof { none, fresh };

std::string to_text(const Report& report, Execution execution);
// Before and after of every change, a line each, marked - and +.
std::string to_diff(const Report& report);
std::string to_json(const Report& report);
std::string to_text(const Status& status);
std::string to_json(const Status& status);

}  // namespace knockwork
