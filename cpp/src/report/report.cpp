// Reports as text for people and as JSON for programs, and the schema of that.
#include "knockwork/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "knockwork/drift.hpp"
#include "knockwork/words.hpp"
#include "report/in_json.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using Kind = Change::Kind;

constexpr std::size_t kLines = 50;  // of a list that an apply prints; all of them stand in --diff and --json

const char* name(Kind kind) { return kind == Kind::add ? "add" : kind == Kind::change ? "change" : "remove"; }

std::string line(const Change& change) {
  const char sign = change.kind == Kind::add ? '+' : change.kind == Kind::change ? '~' : '-';
  const std::string& said = !change.why.empty() ? change.why : change.after;
  return fmt::format("  {} {} {}{}{}\n", sign, change.object, change.name, said.empty() ? "" : ": ", said);
}

std::string lines(const Report& report) {
  std::string text;
  for (std::size_t at = 0; at < std::min(report.changes.size(), kLines); ++at)
    text += line(report.changes[at]);
  if (report.changes.size() > kLines)
    text += fmt::format("  … and {} more\n", report.changes.size() - kLines);
  return text;
}

std::string about_rollback(const Report& report) {
  if (!report.pending) return "";
  return fmt::format("Rolled back in {} unless you run `knockwork confirm {}`.\n",
                     time_left(report.pending->remaining), report.pending->id);
}

std::string totals(const Report& report, const char* add, const char* change, const char* remove) {
  const auto count = [&](Kind kind) {
    return std::count_if(report.changes.begin(), report.changes.end(),
                         [kind](const Change& each) { return each.kind == kind; });
  };
  return fmt::format("{} {}, {} {}, {} {}", count(Kind::add), add, count(Kind::change), change,
                     count(Kind::remove), remove);
}

}  // namespace

std::string to_text(const Report& report, Execution execution) {
  if (!report.incomparable.empty()) return fmt::format("Unchanged: {}.\n", report.incomparable);
  if (!report.changed) return "Unchanged: the kernel already matches the declaration.\n";
  if (execution == Execution::check) {
    return fmt::format("{}\nPlan: {}.\n", lines(report), totals(report, "to add", "to change", "to remove"));
  }
  return fmt::format("{}\nChanged: {}.\n{}", lines(report), totals(report, "added", "changed", "removed"),
                     about_rollback(report));
}

std::string drift_text(const Report& report, Execution execution) {
  if (!report.incomparable.empty()) return fmt::format("Nothing to compare: {}.\n", report.incomparable);
  if (!report.changed) return "No drift: the table has not changed since the last apply.\n";
  if (execution == Execution::check) {
    return lines(report) + '\n' +
           "Drift: the table has changed since the last apply.\n"
           "`knockwork drift --repair` puts it back, as shown.\n";
  }
  return fmt::format("{}\nDrift repaired: {}.\n", lines(report),
                     totals(report, "added", "changed", "removed"));
}

std::string to_diff(const Report& report) {
  std::string text;
  for (const Change& change : report.changes) {
    const std::string head = fmt::format("{} {}: ", change.object, change.name);
    if (change.kind != Kind::add) text += '-' + head + change.before + '\n';
    if (change.kind != Kind::remove) text += '+' + head + change.after + '\n';
  }
  return text;
}

std::string to_json(const Report& report) {
  const auto change = [](const Change& each) {
    return json{{"kind", name(each.kind)}, {"object", each.object}, {"name", each.name},
                {"before", each.before},   {"after", each.after},   {"why", each.why}};
  };
  json value{
      {"changed", report.changed}, {"changes", list(report.changes, change)}, {"warnings", report.warnings}};
  if (report.pending) value["pending"] = to_value(*report.pending);
  if (!report.incomparable.empty()) value["incomparable"] = report.incomparable;
  if (!report.degraded.empty()) value["degraded"] = report.degraded;
  if (!report.must_knock.empty()) value["must_knock"] = report.must_knock;
  if (!report.epochs.empty()) value["epochs"] = report.epochs;
  if (report.needs_timer) value["needs_timer"] = true;
  return json_text(value);
}

schema::Json report_schema() {
  constexpr auto kSometimes = schema::Key::Is::sometimes;
  const schema::Json change =
      schema::object("", {{"kind", schema::choice("What is done.", {"add", "change", "remove"})},
                          {"object", schema::text("What kind of object: `sequence`, `set`, `grant`, …")},
                          {"name", schema::text("Its name.")},
                          {"before", schema::text("One line; empty if it is new.")},
                          {"after", schema::text("One line; empty if it is removed.")},
                          {"why", schema::text("What differs, or the reason; may be empty.")}});
  return schema::object(
      "What a command changed, or would change with --check.",
      {{"changed", schema::flag("Whether there are changes.")},
       {"changes", schema::list("One for each object.", change)},
       {"warnings", schema::texts("What you should know, as sentences.")},
       {"pending", waiting_schema(), kSometimes},
       {"incomparable", schema::text("Why nothing was compared with the table. Absent if it was."),
        kSometimes},
       {"degraded", schema::text("Why something other than the declaration was loaded at a start."),
        kSometimes},
       {"must_knock",
        schema::text("The address that you are connected from, if a new connection from there has to knock."),
        kSometimes},
       {"epochs", schema::integers("The epochs that this host accepts, if it keeps them itself."),
        kSometimes},
       {"needs_timer",
        schema::flag("Present if the declaration changes with time: it needs "
                     "knockwork-rotate.timer."),
        kSometimes}});
}

}  // namespace knockwork
