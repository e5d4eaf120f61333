// Where the operator sits: sshd says it in SSH_CONNECTION, sudo takes it away.
#include "host/session.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/session.hpp"

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

// The words of /proc/PID/stat after the command: state, parent, …
std::vector<std::string> words_of(const std::filesystem::path& process) {
  const std::string stat = read_file(process / "stat").value_or("");
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(stat.substr(end + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

// The nearest ancestor's answer, of as many as a shell within sudo within a terminal's multiplexer may have.
template <typename Answer>
Answer nearest(Answer (*answer)(const std::filesystem::path& process)) {
  constexpr int kMost = 32;
  try {
    int pid = ::getppid();
    for (int depth = 0; pid > 1 && depth < kMost; ++depth) {
      const std::filesystem::path process = "/proc/" + std::to_string(pid);
      if (Answer found = answer(process); found != Answer{}) return found;
      const std::vector<std::string> words = words_of(process);
      pid = words.size() < 2 ? 0 : std::atoi(words[1].c_str());
    }
  } catch (const SystemError&) {  // not ours to read
  }
  return {};
}

// Field 22 of /proc/PID/stat: ticks since the boot, the time asleep included (proc(5)).
std::optional<std::chrono::milliseconds> began_as_sshd(const std::filesystem::path& process) {
  if (!read_file(process / "comm").value_or("").starts_with("sshd")) return std::nullopt;
  const std::vector<std::string> words = words_of(process);
  if (words.size() < 20) return std::nullopt;
  return std::chrono::milliseconds(std::stoll(words[19]) * 1000 / ::sysconf(_SC_CLK_TCK));
}

}  // namespace

std::optional<std::chrono::milliseconds> ssh_session_began() { return nearest(began_as_sshd); }

std::string operator_connection() {
  const char* own = std::getenv("SSH_CONNECTION");
  return own != nullptr ? own : nearest(of_process);
}

}  // namespace knockwork
