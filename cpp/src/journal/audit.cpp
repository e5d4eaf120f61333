#include "journal/audit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>

#include "host/files.hpp"
#include "journal/journal.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/session.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {
namespace {

// An entry of the journal is one datagram, and each change stands in it twice.
constexpr std::size_t kMostNamed = 50;     // changes
constexpr std::size_t kLongestLine = 500;  // bytes of one: a list of addresses may have thousands

// What this system tells of the process; empty where it does not.
std::string of_process(const char* path) {
  try {
    return read_file(path).value_or("");
  } catch (const SystemError&) {
    return "";
  }
}

std::string name_of(uid_t user) {
  std::array<char, 4096> room{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &entry, room.data(), room.size(), &found);
  return found != nullptr ? found->pw_name : fmt::format("uid {}", user);
}

// Who logged in, whoever he has become since: credentials(7). A unit is no login.
std::optional<uid_t> login() {
  const std::string text = of_process("/proc/self/loginuid");
  const auto user = static_cast<uid_t>(std::strtoul(text.c_str(), nullptr, 10));
  if (text.empty() || user == static_cast<uid_t>(-1)) return std::nullopt;
  return user;
}

// sudo(8) names its user; anybody may who starts this otherwise, so it has to be one of this host.
std::string user() {
  const char* sudo = std::getenv("SUDO_USER");
  if (sudo != nullptr && ::getpwnam(sudo) != nullptr) return sudo;
  return name_of(::getuid());
}

// The unit of the system's manager that runs this: those of users may have any name.
std::string unit() {
  constexpr std::string_view kSlice = "/system.slice/knockwork";
  const std::string groups = of_process("/proc/self/cgroup");
  const std::size_t begin = groups.rfind(kSlice);
  if (begin == std::string::npos || begin < 1 || groups[begin - 1] != ':') return "";
  const std::size_t name = groups.find('/', begin + 1) + 1;
  return groups.substr(name, groups.find_first_of("/\n", name) - name);
}

// As much of it as an entry has room for, and how much that was.
std::string shortened(std::string text) {
  if (text.size() <= kLongestLine) return text;
  std::size_t end = kLongestLine;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;  // within a character
  return fmt::format("{}… ({} bytes)", std::string_view(text).substr(0, end), text.size());
}

std::string line(const Change& change, Ports ports) {
  const char* mark = change.kind == Change::Kind::add ? "+" : change.kind == Change::Kind::remove ? "-" : "~";
  std::string text = fmt::format("{} {} {}", mark, change.object, change.name);
  if (ports == Ports::hidden && !change.why.empty()) text += ": " + change.why;
  return text;
}

std::vector<std::string> lines(const std::vector<Change>& changes, Ports ports) {
  std::vector<std::string> lines;
  for (const Change& change : changes) {
    if (lines.size() == kMostNamed) {
      lines.push_back(fmt::format("and {} more", changes.size() - kMostNamed));
      break;
    }
    lines.push_back(shortened(line(change, ports)));
  }
  return lines;
}

// Where somebody who is logged in from elsewhere sits: the first word of SSH_CONNECTION, which he may have
// written himself.
std::string seat() {
  const std::string connection = operator_connection();
  const auto address = parse_network(connection.substr(0, connection.find(' ')));
  return address ? to_string(*address) : "";
}

struct Asker {
  std::string who;
  std::string from;
};

// Who logged in is known for certain; else it is a unit, or who may be believed.
Asker asker(const Deed& deed) {
  if (const auto who = login()) return {name_of(*who), seat()};
  if (std::string by_unit = unit(); !by_unit.empty()) return {std::move(by_unit), ""};
  if (deed.asked == Asked::by_the_system) return {"the system", ""};
  return {user(), seat()};
}

}  // namespace

Deed deed(std::string_view command, const Settings& settings) {
  return {command, settings.asked, settings.via, settings.ports};
}

std::string audit(const Deed& deed, const std::vector<Change>& changes, const Tables& tables) {
  const auto [who, from] = asker(deed);
  const std::vector<std::string> done = lines(changes, deed.ports);
  std::string by = who;
  if (!deed.via.empty()) by += " with " + deed.via;
  if (!from.empty()) by += " from " + from;
  const std::string message = fmt::format("{} by {}: {}", deed.command, by, fmt::join(done, ", "));
  std::vector<journal::Field> fields{{"KNOCKWORK_EVENT", "change"},
                                     {"KNOCKWORK_COMMAND", std::string(deed.command)},
                                     {"KNOCKWORK_WHO", who}};
  if (!deed.via.empty()) fields.push_back({"KNOCKWORK_VIA", deed.via});
  if (!from.empty()) fields.push_back({"KNOCKWORK_FROM", from});
  if (!tables.before.empty()) fields.push_back({"KNOCKWORK_BEFORE", tables.before});
  if (!tables.after.empty()) fields.push_back({"KNOCKWORK_AFTER", tables.after});
  for (const std::string& each : done) fields.push_back({"KNOCKWORK_CHANGE", each});
  const auto sent = journal::send(journal::Priority::notice, message, std::move(fields));
  return sent == journal::Sent::no ? "the journal did not take the entry about this change" : "";
}

}  // namespace knockwork
