// What others see of a gate: metrics, and the schemas of what commands print as JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/boot.hpp"
#include "knockwork/report.hpp"

namespace knockwork {

class Kernel;
struct Seen;

// A status whose changing part comes first, for a screen that has room for the beginning only.
std::string to_live_text(const Status& status, const Boot& boot);

// An event as an entry of systemd's journal; false where none takes it.
bool to_journal(const Seen& seen);

// What is measured, beside what `status` tells.
struct Measures {
  Status status;
  Boot boot;
  std::optional<std::chrono::milliseconds> last_apply;     // since 1970
  std::optional<std::chrono::milliseconds> last_rotation;  // since 1970; by a controller or a hand
  std::optional<bool> rotation_due;  // the epoch of this time is not accepted; nothing without a `period`
  std::optional<std::uint64_t> drift_repairs;
  std::optional<std::chrono::milliseconds> last_drift_repair;  // since 1970
};
// Throws SystemError where the table cannot be read.
Measures measure(Kernel& kernel);

// In the text format of Prometheus. Names sequences and sets, never a port.
std::string to_metrics(const Measures& measures);

// A file that others may read, in place of the old one at once. Throws SystemError.
void write_public(const std::string& path, std::string_view text);

// The JSON Schema of what a command prints with --json ("plan", "derive show"); nothing where it has none.
std::optional<std::string> output_schema(std::string_view command);
// Those that have one, in the order of the help; "error" is what any of them prints when it fails.
std::vector<std::string> outputs();

// What some commands print with --json.
std::string validated_json(std::size_t sequences);
std::string confirmed_json(const std::string& id);
std::string new_secret_json(std::uint64_t from_epoch);

}  // namespace knockwork
