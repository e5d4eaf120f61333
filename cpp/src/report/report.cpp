// Reports and statuses as text for people and as JSON for programs.
#include "knockwork/report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "host/clocks.hpp"
#include "knockwork/boot.hpp"
#include "records/state.hpp"
#include "text/json_text.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using Kind = Change::Kind;
using std::chrono::milliseconds;

constexpr std::size_t kLines = 50;  // of a list that an apply prints; all of them stand in --diff and --json

const char* name(Kind kind) { return kind == Kind::add ? "add" : kind == Kind::change ? "change" : "remove"; }

std::string line(const Change& change) {
  const char sign = change.kind == Kind::add ? '+' : change.kind == Kind::change ? '~' : '-';
  const std::string& said = !change.why.empty() ? change.why : change.after;
  return fmt::format("  {} {} {}{}{}\n", sign, change.object, change.name, said.empty() ? "" : ": ", said);
}

std::string totals(const Report& report, const char* add, const char* change, const char* remove) {
  const auto count = [&](Kind kind) {
    return std::count_if(report.changes.begin(), report.changes.end(),
                         [kind](const Change& each) { return each.kind == kind; });
  };
  return fmt::format("{} {}, {} {}, {} {}", count(Kind::add), add, count(Kind::change), change,
                     count(Kind::remove), remove);
}

std::string seconds(std::chrono::milliseconds time) {
  return fmt::format("{}s", (time.count() + 500) / 1000);
}

std::string utc(milliseconds time) {  // RFC 3339
  const std::time_t second = time.count() / 1000;
  std::tm utc{};
  gmtime_r(&second, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

json to_value(const Waiting& waiting) {
  return {{"id", waiting.id},
          {"since", utc(waiting.since)},
          {"deadline", utc(wall_clock() + waiting.remaining)},
          {"remaining_ms", waiting.remaining.count()}};
}

const char* name(Boot::Stands stands) {
  return stands == Boot::Stands::yes ? "yes" : stands == Boot::Stands::no ? "no" : "unknown";
}

json to_value(const Boot& boot) {
  return {{"stands", name(boot.stands)},
          {"installed", boot.installed},
          {"enabled", boot.enabled},
          {"why", boot.why},
          {"timer", boot.timer}};
}

json to_value(const Holder& holder) {
  json value{{"address", holder.address}, {"remaining_ms", holder.remaining.count()}};
  if (!holder.sequence.empty()) value["sequence"] = holder.sequence;
  return value;
}

template <typename Items, typename Show>
json list(const Items& items, Show show) {
  json values = json::array();
  for (const auto& item : items) values.push_back(show(item));
  return values;
}

}  // namespace

namespace {

std::string effect_of(const SequenceStatus& sequence) {
  if (!sequence.opens.empty()) return "opens " + sequence.opens;
  if (sequence.services == 0) return "closes another";
  return fmt::format("opens {} service{}", sequence.services, sequence.services == 1 ? "" : "s");
}

}  // namespace

std::string to_text(const Report& report, Execution execution) {
  if (!report.changed) return "Unchanged: the kernel already matches the declaration.\n";
  std::string text;
  for (std::size_t at = 0; at < std::min(report.changes.size(), kLines); ++at)
    text += line(report.changes[at]);
  if (report.changes.size() > kLines)
    text += fmt::format("  … and {} more\n", report.changes.size() - kLines);
  if (execution == Execution::check) {
    return text + fmt::format("\nPlan: {}.\n", totals(report, "to add", "to change", "to remove"));
  }
  text += fmt::format("\nChanged: {}.\n", totals(report, "added", "changed", "removed"));
  if (report.pending) {
    text += fmt::format("Rolled back in {0} s unless you run `knockwork confirm {1}`.\n",
                        (report.pending->remaining.count() + 999) / 1000, report.pending->id);
  }
  return text;
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
  if (!report.degraded.empty()) value["degraded"] = report.degraded;
  if (!report.must_knock.empty()) value["must_knock"] = report.must_knock;
  if (!report.epochs.empty()) value["epochs"] = report.epochs;
  if (report.needs_timer) value["needs_timer"] = true;
  return json_text(value);
}

namespace {

std::string sequences_of(const Status& status) {
  std::string text;
  for (const SequenceStatus& sequence : status.sequences) {
    const std::string how =
        sequence.token ? fmt::format("token, used {} time{}", sequence.uses, sequence.uses == 1 ? "" : "s")
                       : fmt::format("{} knock{} {}", sequence.knocks, sequence.knocks == 1 ? "" : "s",
                                     sequence.fingerprint);
    text += fmt::format("  {:<24} {}, {}{}\n", sequence.name, how, effect_of(sequence),
                        !sequence.once   ? ""
                        : sequence.spent ? ", spent"
                                         : ", once");
  }
  if (status.tokens_until) {
    text +=
        fmt::format("Tokens until {} ({} left).\n", utc(*status.tokens_until), seconds(status.tokens_left));
  }
  if (!status.out_of_tokens.empty()) {
    text += fmt::format("No tokens left of: {}. Run `knockwork apply`, and enable knockwork-rotate.timer.\n",
                        fmt::join(status.out_of_tokens, ", "));
  }
  return text;
}

}  // namespace

std::string to_text(const Status& status) {
  std::string text;
  if (status.pending) {
    text = fmt::format("Apply {} has waited for confirmation since {} and will be rolled back in {} s.\n",
                       status.pending->id, utc(status.pending->since),
                       (status.pending->remaining.count() + 999) / 1000);
  }
  if (!status.degraded.empty()) {
    text += fmt::format("Degraded: {}. Fix it, and run `knockwork apply`.\n", status.degraded);
  }
  if (!status.present) {
    text += "No gate: there is no table inet knockwork in this network namespace.\n";
    return status.declared ? text + "The declared services are open to everyone: run `knockwork apply`.\n"
                           : text;
  }
  text += fmt::format("Mode {}, {} sequence{}.\n", status.mode, status.sequences.size(),
                      status.sequences.size() == 1 ? "" : "s");
  text += sequences_of(status);
  text += status.grants.empty() ? "No grants.\n" : "Grants:\n";
  for (const Holder& holder : status.grants) {
    text +=
        fmt::format("  {:<40} by {}, {} left\n", holder.address, holder.sequence, seconds(holder.remaining));
  }
  if (!status.lockouts.empty()) text += "Locked out:\n";
  for (const Holder& holder : status.lockouts) {
    text += fmt::format("  {:<40} {} left\n", holder.address, seconds(holder.remaining));
  }
  if (status.half_done > 0)
    text += fmt::format("Sources in the middle of a sequence: {}.\n", status.half_done);
  return text;
}

std::string to_json(const Boot& boot) { return json_text(to_value(boot)); }

std::string to_text(const Status& status, const Boot& boot) {
  std::string text = to_text(status);
  if (boot.stands == Boot::Stands::yes) text += "The declared gate will be loaded after a reboot.\n";
  if (boot.stands == Boot::Stands::no)
    text += fmt::format("No gate will be loaded after a reboot: {}.\n", boot.why);
  return text;
}

namespace {

json to_value(const Status& status) {
  const auto sequence = [](const SequenceStatus& each) {
    json value{{"name", each.name},     {"fingerprint", each.fingerprint},
               {"knocks", each.knocks}, {"services", each.services},
               {"once", each.once},     {"spent", each.spent},
               {"token", each.token},   {"uses", each.uses}};
    if (!each.opens.empty()) value["opens"] = each.opens;
    return value;
  };
  const auto holder = [](const Holder& each) { return to_value(each); };
  json value{{"present", status.present},
             {"declared", status.declared},
             {"mode", status.mode},
             {"always_allow", status.always_allow},
             {"interfaces", status.interfaces},
             {"epochs", status.epochs},
             {"sequences", list(status.sequences, sequence)},
             {"grants", list(status.grants, holder)},
             {"lockouts", list(status.lockouts, holder)},
             {"half_done", status.half_done},
             {"warnings", status.warnings}};
  if (status.tokens_until || !status.out_of_tokens.empty()) {
    value["tokens"] = {{"out", status.out_of_tokens}};
    if (status.tokens_until) {
      value["tokens"]["until"] = status.tokens_until->count() / 1000;
      value["tokens"]["left"] = status.tokens_left.count() / 1000;
    }
  }
  if (status.pending) value["pending"] = to_value(*status.pending);
  if (!status.degraded.empty()) value["degraded"] = status.degraded;
  return value;
}

}  // namespace

std::string to_json(const Status& status) { return json_text(to_value(status)); }

std::string to_json(const Status& status, const Boot& boot) {
  json value = to_value(status);
  value["boot"] = to_value(boot);
  return json_text(value);
}

}  // namespace knockwork
