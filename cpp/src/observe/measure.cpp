// What metrics are made of: the status, and what the records of this host tell.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "host/files.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/observe.hpp"
#include "records/applied.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// Asked only where the table has derived sequences, and of what can be read: a faulty declaration is told by
// others.
std::optional<bool> is_rotation_due(const Status& status) {
  if (status.epochs.empty()) return std::nullopt;
  try {
    std::optional<bool> due;
    for (const Sequence& each : load(read_declaration(kDefaultDeclaration)).sequences) {
      if (!each.derive || each.derive->period.milliseconds() == 0) continue;
      const Epoch wanted = current_epoch(*each.derive, unix_time());
      const std::string name = epoch_name(each.name, wanted);
      const bool there = std::any_of(status.sequences.begin(), status.sequences.end(),
                                     [&](const SequenceStatus& live) { return live.name == name; });
      due = due.value_or(false) || !there;
    }
    return due;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// What found the table changed by another program, and repaired it, keeps count.
void read_drift(Measures& measures) {
  try {
    const auto text = read_file(std::filesystem::path(kStateDirectory) / "drift.json");
    if (!text) return;
    const auto record = nlohmann::json::parse(*text);
    measures.drift_repairs = record.at("repairs").get<std::uint64_t>();
    if (record.contains("last_ms")) measures.last_drift_repair = milliseconds(record.at("last_ms"));
  } catch (const std::exception&) {
    return;
  }
}

}  // namespace

Measures measure(Kernel& kernel) {
  Measures measures;
  measures.status = status(kernel, {});
  measures.boot = boot();
  measures.last_apply = last_apply();
  measures.last_rotation = last_rotation();
  measures.rotation_due = is_rotation_due(measures.status);
  read_drift(measures);
  return measures;
}

}  // namespace knockwork
