#include "journal/journalctl.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "knockwork/diagnostic.hpp"

namespace knockwork::journal {
namespace {

struct Ended {
  std::string output;
  int status = 0;
};

std::string read_to_end(int from) {
  std::string text;
  std::array<char, 65536> room{};
  while (true) {
    const ssize_t count = ::read(from, room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(room.data(), static_cast<std::size_t>(count));
  }
}

// Its errors go where ours go.
Ended run(std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw SystemError(std::strerror(errno));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    throw SystemError(fmt::format("{} cannot be run: {}", words.front(), std::strerror(error)));
  }
  Ended ended{read_to_end(ends[0]), 0};
  ::close(ends[0]);
  while (::waitpid(child, &ended.status, 0) < 0 && errno == EINTR) continue;
  return ended;
}

}  // namespace

std::string entries(const std::vector<std::string>& matches, const std::string& since, std::size_t most) {
  std::vector<std::string> words{"journalctl", "--output=json", "--no-pager", "--quiet", "--all"};
  if (!since.empty()) words.push_back("--since=" + since);
  if (most != 0) words.push_back(fmt::format("--lines={}", most));
  words.insert(words.end(), {"SYSLOG_IDENTIFIER=knockwork", "_UID=0"});
  words.insert(words.end(), matches.begin(), matches.end());
  Ended ended = run(std::move(words));
  if (!WIFEXITED(ended.status) || WEXITSTATUS(ended.status) != 0)
    throw SystemError("journalctl failed: see its message");
  return std::move(ended.output);
}

}  // namespace knockwork::journal
