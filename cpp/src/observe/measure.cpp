// What metrics are made of: the status, and what the records of this host tell.
#include <algorithm>

#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/observe.hpp"
#include "records/applied.hpp"
#include "records/repairs.hpp"

namespace knockwork {
namespace {

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

}  // namespace

Measures measure(Kernel& kernel) {
  Measures measures;
  measures.status = status(kernel, {});
  measures.boot = boot();
  measures.last_apply = last_apply();
  measures.last_rotation = last_rotation();
  measures.rotation_due = is_rotation_due(measures.status);
  if (const Repairs repairs = read_repairs(); repairs.count != 0) {
    measures.drift_repairs = repairs.count;
    measures.last_drift_repair = repairs.last;
  }
  return measures;
}

}  // namespace knockwork
