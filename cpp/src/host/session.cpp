// Where the operator sits: sshd says it in SSH_CONNECTION, sudo takes it away.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/knockwork.hpp"
#include "undo/way_in.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kVariable = "SSH_CONNECTION=";

std::string of_process(const std::filesystem::path& process) {
  const std::string environment = read_file(process / "environ").value_or("");
  std::string_view rest = environment;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (entry.starts_with(kVariable)) return std::string(entry.substr(kVariable.size()));
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
  }
  return {};
}

// The fourth field of /proc/PID/stat, after the command in parentheses (proc(5)).
int parent_of(const std::filesystem::path& process) {
  const std::string stat = read_file(process / "stat").value_or("");
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos || end + 4 >= stat.size()) return 0;
  return std::atoi(stat.c_str() + end + 4);
}

// The words of /proc/PID/stat after the command: state, parent, …
std::vector<std::string> words_of(const std::filesystem::path& process) {
  const std::string stat = read_file(process / "stat").value_or("");
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(stat.substr(end + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

}  // namespace

// Field 22 of /proc/PID/stat: ticks since the boot, the time asleep included (proc(5)).
std::optional<std::chrono::milliseconds> ssh_session_began() {
  try {
    for (int pid = ::getppid(), depth = 0; pid > 1 && depth < 32; ++depth) {
      const std::filesystem::path process = "/proc/" + std::to_string(pid);
      if (read_file(process / "comm").value_or("").starts_with("sshd")) {
        const std::vector<std::string> words = words_of(process);
        if (words.size() < 20) return std::nullopt;
        return std::chrono::milliseconds(std::stoll(words[19]) * 1000 / ::sysconf(_SC_CLK_TCK));
      }
      pid = parent_of(process);
    }
  } catch (const SystemError&) {
    return std::nullopt;
  }
  return std::nullopt;
}

std::string operator_connection() {
  if (const char* own = std::getenv("SSH_CONNECTION")) return own;
  try {
    for (int pid = ::getppid(), depth = 0; pid > 1 && depth < 16; ++depth) {
      const std::filesystem::path process = "/proc/" + std::to_string(pid);
      if (std::string found = of_process(process); !found.empty()) return found;
      pid = parent_of(process);
    }
  } catch (const SystemError&) {
    return {};  // not ours to read: then nobody is warned
  }
  return {};
}

}  // namespace knockwork
