#include "knockwork/log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "journal/journalctl.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

using nlohmann::json;

// No value begins a line of its own, whoever wrote it.
std::string on_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::replace(text.begin(), text.end(), '\r', ' ');
  return text;
}

// A field that an entry has once is a string, else it is an array of them.
std::vector<std::string> values(const json& entry, const char* field) {
  std::vector<std::string> found;
  const auto at = entry.find(field);
  if (at == entry.end()) return found;
  if (at->is_string()) found.push_back(on_one_line(at->get<std::string>()));
  if (!at->is_array()) return found;
  for (const json& each : *at) {
    if (each.is_string()) found.push_back(on_one_line(each.get<std::string>()));
  }
  return found;
}

std::string value(const json& entry, const char* field) {
  const std::vector<std::string> all = values(entry, field);
  return all.empty() ? "" : all.front();
}

LogEntry entry_of(const json& entry) {
  const std::string microseconds = value(entry, "__REALTIME_TIMESTAMP");
  return {std::chrono::milliseconds(std::strtoll(microseconds.c_str(), nullptr, 10) / 1000),
          value(entry, "KNOCKWORK_COMMAND"),
          value(entry, "KNOCKWORK_WHO"),
          value(entry, "KNOCKWORK_VIA"),
          value(entry, "KNOCKWORK_FROM"),
          value(entry, "KNOCKWORK_BEFORE"),
          value(entry, "KNOCKWORK_AFTER"),
          values(entry, "KNOCKWORK_CHANGE")};
}

std::tm local_time(std::chrono::milliseconds at) {
  const std::time_t second = at.count() / 1000;
  std::tm local{};
  localtime_r(&second, &local);
  return local;
}

std::string utc(std::chrono::milliseconds at) {  // RFC 3339
  const std::time_t second = at.count() / 1000;
  std::tm time{};
  gmtime_r(&second, &time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", time, at.count() % 1000);
}

std::string tables(const LogEntry& entry) {
  if (entry.before.empty() && entry.after.empty()) return "";
  const auto or_none = [](const std::string& table) { return table.empty() ? "no gate" : table; };
  return fmt::format(": {} → {}", or_none(entry.before), or_none(entry.after));
}

}  // namespace

std::vector<LogEntry> parse_log(std::string_view lines) {
  std::vector<LogEntry> log;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const json entry = json::parse(lines.substr(0, end), nullptr, false);
    if (entry.is_object() && !value(entry, "KNOCKWORK_COMMAND").empty()) log.push_back(entry_of(entry));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return log;
}

std::vector<LogEntry> read_log(const std::string& since, std::size_t most) {
  return parse_log(journal::entries({"KNOCKWORK_EVENT=change"}, since, most));
}

std::string to_text(const std::vector<LogEntry>& log) {
  std::string text;
  for (const LogEntry& entry : log) {
    text += fmt::format("{:%Y-%m-%d %H:%M:%S}  {} by {}", local_time(entry.at), entry.command, entry.who);
    if (!entry.via.empty()) text += " with " + entry.via;
    if (!entry.from.empty()) text += " from " + entry.from;
    text += tables(entry) + '\n';
    for (const std::string& change : entry.changes) text += "  " + change + '\n';
  }
  return text;
}

std::string to_json(const std::vector<LogEntry>& log) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const LogEntry& entry : log) {
    nlohmann::ordered_json value{{"time", utc(entry.at)}, {"command", entry.command}, {"who", entry.who}};
    if (!entry.via.empty()) value["via"] = entry.via;
    if (!entry.from.empty()) value["from"] = entry.from;
    if (!entry.before.empty()) value["before"] = entry.before;
    if (!entry.after.empty()) value["after"] = entry.after;
    value["changes"] = entry.changes;
    all.push_back(std::move(value));
  }
  return json_text(all);
}

schema::Json log_schema() {
  constexpr auto kSometimes = schema::Key::Is::sometimes;
  const schema::Json entry = schema::object(
      "", {{"time", schema::time("When it was carried out.")},
           {"command", schema::text("The command, as in apply.")},
           {"who", schema::text("The user, or the unit of systemd.")},
           {"via", schema::text("The program that asked in the user's name, as in Ansible."), kSometimes},
           {"from", schema::text("The address that the user was connected from."), kSometimes},
           {"before", schema::text("The fingerprint of the table before."), kSometimes},
           {"after", schema::text("The fingerprint of the table afterwards."), kSometimes},
           {"changes", schema::texts("What changed, one line each.")}});
  return schema::list("The changes of the gate, the oldest first.", entry);
}

}  // namespace knockwork
