// Who changed the gate, as this host's journal has it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace knockwork {

// One change that was carried out.
struct LogEntry {
  std::chrono::milliseconds at{0};  // since the epoch
  std::string command;              // "apply"
  std::string who;                  // a user or a unit of systemd
  std::string via;                  // "Ansible"; empty: the command itself
  std::string from;                 // the address where that user sat; empty: here
  std::string before;  // the fingerprint of the table; empty: there was none, or it stayed the same
  std::string after;
  std::vector<std::string> changes;  // "~ sequence ssh: step_timeout 1s → 2s"
  bool operator==(const LogEntry&) const = default;
};

// The last `most` of them, all with 0, since a time as journalctl(1) takes it ("yesterday"; empty: ever), the
// oldest first. Throws SystemError where the journal cannot be asked.
std::vector<LogEntry> read_log(const std::string& since, std::size_t most);

// Pure: entries as journalctl prints them with `--output=json`. What is no entry of ours is passed over.
std::vector<LogEntry> parse_log(std::string_view lines);

std::string to_text(const std::vector<LogEntry>& log);
std::string to_json(const std::vector<LogEntry>& log);

}  // namespace knockwork
