// Metrics in the text format of Prometheus, version 0.0.4; names and units as OpenMetrics has them.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "knockwork/derive.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/observe.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

class Page {
 public:
  // Starts a family; its samples follow.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP knockwork_{0} {2}\n# TYPE knockwork_{0} {1}\n", name, type, help);
  }
  template <typename Value>
  void sample(const Value& value, std::string_view labels = "") {
    const std::string which = labels.empty() ? "" : fmt::format("{{{}}}", labels);
    text_ += fmt::format("knockwork_{}{} {}\n", name_, which, value);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "gauge", help);
    sample(value);
  }
  void flag(std::string_view name, std::string_view help, std::optional<bool> value) {
    if (value) gauge(name, help, *value ? 1 : 0);
  }
  void seconds(std::string_view name, std::string_view help, std::optional<milliseconds> value) {
    if (!value) return;
    family(name, "gauge", help);
    sample(fmt::format("{}.{:03}", value->count() / 1000, value->count() % 1000));
  }
  std::string text() { return std::move(text_); }

 private:
  std::string_view name_;
  std::string text_;
};

// `sequence="backup",epoch="42"`: names have no character that needs an escape.
std::string labels_of(const std::string& name) {
  const std::optional<Epoch> epoch = epoch_of(name);
  if (!epoch) return fmt::format("sequence=\"{}\"", name);
  return fmt::format(R"(sequence="{}",epoch="{}")", name.substr(0, name.rfind('#')), *epoch);
}

std::optional<bool> survives(const Boot& boot) {
  if (boot.stands == Boot::Stands::unknown) return std::nullopt;
  return boot.stands == Boot::Stands::yes;
}

void add_gate(Page& page, const Measures& measures) {
  const Status& status = measures.status;
  page.family("build_info", "gauge", "The version of knockwork, as a label.");
  page.sample(1, fmt::format("version=\"{}\"", version()));
  page.flag("gate_present", "Whether the gate is loaded.", status.present);
  page.flag("gate_declared", "Whether the host has a declaration.", status.declared);
  page.flag("gate_degraded", "Whether something other than the declaration is loaded.",
            !status.degraded.empty());
  page.flag("gate_drifted", "Whether the table has changed since the last apply.", status.drifted);
  page.flag("gate_survives_reboot", "Whether the gate will be loaded after a reboot.",
            survives(measures.boot));
  page.flag("apply_pending", "Whether an apply waits for confirmation.", status.pending.has_value());
  page.seconds("last_apply_timestamp_seconds", "When the gate was last applied, or found to be as declared.",
               measures.last_apply);
  page.gauge("warnings", "How many warnings `knockwork status` prints.", status.warnings.size());
  if (!status.present) return;
  page.family("gate_mode", "gauge", "The mode of the gate, as a label.");
  page.sample(1, fmt::format("mode=\"{}\"", status.mode));
}

void add_sources(Page& page, const Status& status) {
  page.gauge("sequences", "How many sequences the gate has.", status.sequences.size());
  if (!status.sequences.empty())
    page.family("grants_total", "counter", "Grants by each sequence since it was loaded.");
  for (const SequenceStatus& each : status.sequences) page.sample(each.uses, labels_of(each.name));
  page.gauge("active_grants", "Grants that are active.", status.grants.size());
  page.gauge("locked_out_sources", "How many sources are locked out.", status.lockouts.size());
  page.gauge("half_done_sources", "How many sources are in the middle of a sequence.",
             static_cast<std::uint64_t>(status.half_done));
}

void add_sets(Page& page, const Status& status) {
  page.family("set_elements", "gauge", "How many elements a set has that packets fill.");
  for (const SetFill& set : status.fill) page.sample(set.used, fmt::format("set=\"{}\"", set.name));
  page.family("set_size_elements", "gauge", "How many elements such a set has room for.");
  for (const SetFill& set : status.fill) page.sample(set.size, fmt::format("set=\"{}\"", set.name));
}

void add_tokens(Page& page, const Status& status) {
  if (!status.tokens_until && status.out_of_tokens.empty()) return;
  page.seconds("tokens_left_seconds",
               "Seconds until the first sequence with `token` has no valid token left.",
               status.out_of_tokens.empty() ? status.tokens_left : milliseconds(0));
  page.gauge("sequences_out_of_tokens",
             "Sequences with `token` that have no valid token until the next top-up.",
             status.out_of_tokens.size());
  page.gauge("used_tokens", "How many used tokens the table remembers.", status.spent_tokens);
}

void add_rotation(Page& page, const Measures& measures) {
  const std::vector<std::uint64_t>& epochs = measures.status.epochs;
  if (!epochs.empty()) page.gauge("newest_epoch", "The newest epoch that is accepted.", epochs.back());
  page.flag("rotation_due", "Whether the epoch of this time is not accepted yet.", measures.rotation_due);
  page.seconds("last_rotation_timestamp_seconds", "When the host's record of epochs last changed.",
               measures.last_rotation);
}

void add_drift(Page& page, const Measures& measures) {
  if (measures.drift_repairs) {
    page.family("drift_repairs_total", "counter", "How often drift was repaired.");
    page.sample(*measures.drift_repairs);
  }
  page.seconds("last_drift_repair_timestamp_seconds", "When drift was last repaired.",
               measures.last_drift_repair);
}

}  // namespace

std::string to_metrics(const Measures& measures) {
  Page page;
  add_gate(page, measures);
  if (measures.status.present) {
    add_sources(page, measures.status);
    add_sets(page, measures.status);
    add_tokens(page, measures.status);
    add_rotation(page, measures);
  }
  add_drift(page, measures);
  return page.text();
}

}  // namespace knockwork
