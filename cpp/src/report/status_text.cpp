// A status for people: 80 columns, unless a name or an address needs more.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "knockwork/boot.hpp"
#include "knockwork/observe.hpp"
#include "knockwork/words.hpp"
#include "report/in_json.hpp"

namespace knockwork {
namespace {

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Columns as wide as what stands in them. The first ones are flush left, the one at `right` flush right.
class Columns {
 public:
  Columns(std::vector<std::string> head, std::size_t right) : rows_{std::move(head)}, right_(right) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  std::string text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
      for (std::size_t at = 0; at < row.size(); ++at) widths[at] = std::max(widths[at], row[at].size());
    }
    std::string text;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t at = 0; at < row.size(); ++at) {
        line += at == right_ ? fmt::format("{:>{}}", row[at], widths[at])
                             : fmt::format("{:<{}}", row[at], widths[at]);
        line += "  ";
      }
      line.erase(line.find_last_not_of(' ') + 1);
      text += line + '\n';
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
  std::size_t right_;
};

std::string knocks_of(const SequenceStatus& sequence) {
  const std::string how =
      sequence.token ? "token" : counted(static_cast<std::uint64_t>(sequence.knocks), "knock");
  return how + (!sequence.once ? "" : sequence.spent ? ", spent" : ", once");
}

std::string effect_of(const SequenceStatus& sequence) {
  if (!sequence.opens.empty()) return sequence.opens;
  if (sequence.services == 0) return "(closes another)";
  return counted(static_cast<std::uint64_t>(sequence.services), "service");
}

std::string sequences_of(const Status& status) {
  if (status.sequences.empty()) return "";
  Columns columns({"SEQUENCE", "OPENED BY", "FINGERPRINT", "GRANTS", "OPENS"}, 3);
  for (const SequenceStatus& each : status.sequences) {
    columns.add({each.name, knocks_of(each), each.fingerprint.empty() ? "-" : each.fingerprint,
                 std::to_string(each.uses), effect_of(each)});
  }
  return '\n' + columns.text();
}

std::string grants_of(const Status& status) {
  if (status.grants.empty()) return "\nNo grants.\n";
  Columns columns({"GRANTED TO", "BY", "LEFT"}, 2);
  for (const Holder& each : status.grants)
    columns.add({each.source, each.sequence, time_left(each.remaining)});
  return '\n' + columns.text();
}

std::string lockouts_of(const Status& status) {
  if (status.lockouts.empty()) return "";
  Columns columns({"LOCKED OUT", "LEFT"}, 1);
  for (const Holder& each : status.lockouts) columns.add({each.source, time_left(each.remaining)});
  return '\n' + columns.text();
}

std::string tokens_of(const Status& status) {
  std::string text;
  if (status.tokens_until) {
    text = fmt::format("Tokens until {} ({} left), {} used.\n", utc(*status.tokens_until),
                       time_left(status.tokens_left), status.spent_tokens);
  }
  if (!status.out_of_tokens.empty()) {
    text += fmt::format("No tokens left: {}.\nRun `knockwork apply`, and enable knockwork-rotate.timer.\n",
                        fmt::join(status.out_of_tokens, ", "));
  }
  return text;
}

std::string fill_of(const Status& status) {
  std::string text;
  for (const SetFill& set : status.fill) {
    if (nearly_full(set)) text += fmt::format("Nearly full: {}, {} of {}.\n", set.name, set.used, set.size);
  }
  return text;
}

// What needs somebody's attention comes first.
std::string alarms_of(const Status& status) {
  std::string text;
  if (status.pending) {
    text = fmt::format("Apply {} has waited for confirmation since {}\nand will be rolled back in {}.\n",
                       status.pending->id, utc(status.pending->since), time_left(status.pending->remaining));
  }
  if (!status.degraded.empty()) {
    text += fmt::format("Degraded: {}.\nFix it, and run `knockwork apply`.\n", status.degraded);
  }
  if (status.drifted == true) {
    text +=
        "Drift: the table has changed since the last apply.\n"
        "`knockwork drift` shows how; `knockwork drift --repair` puts it back.\n";
  }
  return text;
}

std::string about(const Status& status) {
  std::string text = fmt::format("Mode {}, {}, table format {}.\n", status.mode,
                                 counted(status.sequences.size(), "sequence"), status.format);
  if (!status.epochs.empty())
    text +=
        fmt::format("Epoch{} {}.\n", status.epochs.size() == 1 ? "" : "s", fmt::join(status.epochs, ", "));
  text += tokens_of(status) + fill_of(status);
  if (status.half_done > 0)
    text += fmt::format("{} in the middle of a sequence.\n",
                        counted(static_cast<std::uint64_t>(status.half_done), "source"));
  return text;
}

std::string boot_of(const Boot& boot) {
  if (boot.stands == Boot::Stands::yes) return "The declared gate will be loaded after a reboot.\n";
  if (boot.stands != Boot::Stands::no) return "";
  constexpr std::size_t kWidth = 80;
  constexpr std::string_view kHead = "No gate will be loaded after a reboot:";
  const bool fits = kHead.size() + boot.why.size() + 2 <= kWidth;
  return fmt::format("{}{}{}.\n", kHead, fits ? ' ' : '\n', boot.why);
}

enum class First { sequences, sources };

std::string whole(const Status& status, const std::string& boot, First first) {
  std::string text = alarms_of(status);
  if (!status.present) {
    if (status.foreign) {
      text += "No gate: there is a table inet knockwork that knockwork did not create.\n";
      if (status.declared)
        text +=
            "The declared services are open to everyone: delete that table, and run\n`knockwork apply`.\n";
      return text + boot;
    }
    text += "No gate: there is no table inet knockwork in this network namespace.\n";
    if (status.declared) text += "The declared services are open to everyone: run `knockwork apply`.\n";
    return text + boot;
  }
  text += about(status) + boot;
  const std::string sources = grants_of(status) + lockouts_of(status);
  return first == First::sources ? text + sources + sequences_of(status)
                                 : text + sequences_of(status) + sources;
}

}  // namespace

std::string to_text(const Status& status) { return whole(status, "", First::sequences); }
std::string to_text(const Status& status, const Boot& boot) {
  return whole(status, boot_of(boot), First::sequences);
}
std::string to_live_text(const Status& status, const Boot& boot) {
  return whole(status, boot_of(boot), First::sources);
}

}  // namespace knockwork
