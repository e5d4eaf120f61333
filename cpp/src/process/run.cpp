#include "process/run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "host/system_calls.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

Descriptor checked(int number) {
  if (number < 0) throw SystemError(fmt::format("cannot run another program: {}", std::strerror(errno)));
  return Descriptor(number);
}

// A file in memory, from its beginning: whoever reads it late blocks nobody.
Descriptor holding(std::string_view text) {
  Descriptor file = checked(::memfd_create("input", MFD_CLOEXEC));
  while (!text.empty()) {
    const ssize_t count = ::write(file.number(), text.data(), text.size());
    if (count < 0) throw SystemError(fmt::format("cannot run another program: {}", std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  ::lseek(file.number(), 0, SEEK_SET);
  return file;
}

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

pid_t start(std::vector<std::string>& words, int input, int output) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw SystemError(fmt::format("{} cannot be run: {}", words.front(), std::strerror(error)));
  return child;
}

}  // namespace

std::string output_of(std::vector<std::string> words, std::string_view input) {
  const Descriptor given = holding(input);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw SystemError(std::strerror(errno));
  const Descriptor from(ends[0]);
  Descriptor into(ends[1]);
  const pid_t child = start(words, given.number(), into.number());
  into.close();
  std::string output = read_to_end(from.number());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw SystemError(fmt::format("{} failed: see its message", words.front()));
  return output;
}

}  // namespace knockwork
