#include "kernel/apart.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "host/system_calls.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kWhole = '\0';  // ends what is whole; a listing has none

bool send(int to, std::string_view text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t more = write(to, text.data() + sent, text.size() - sent);
    if (more < 0 && errno != EINTR) return false;
    if (more > 0) sent += static_cast<std::size_t>(more);
  }
  return true;
}

[[noreturn]] void work(int to, pid_t maker, const std::function<std::string()>& read) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing is changed any more for somebody who is dead
  if (getppid() != maker) _exit(1);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere >= 0) {
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
  }
  bool done = false;
  try {
    done = send(to, read() + kWhole);
  } catch (...) {
    done = false;  // the other side sees that the end is missing
  }
  _exit(done ? 0 : 1);
}

std::string receive(int from, Clock::time_point end) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ready{from, POLLIN, 0};
    const int found = poll(&ready, 1, left > 0 ? static_cast<int>(left) : 0);
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0) throw Broken("reading them takes too long");
    const ssize_t more = ::read(from, buffer, sizeof buffer);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) break;
    text.append(buffer, static_cast<std::size_t>(more));
  }
  if (text.empty() || text.back() != kWhole) throw Broken("libnftables cannot list them");
  text.pop_back();
  return text;
}

struct Pipe {
  Descriptor out, in;
};

Pipe open_pipe() {
  int ends[2];
  if (uninterrupted([&] { return pipe2(ends, O_CLOEXEC); }) != 0)
    throw SystemError("cannot create a pipe: " + std::generic_category().message(errno));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Child begin(const std::function<std::string()>& read) {
  Pipe answer = open_pipe();
  std::fflush(nullptr);  // what waits to be written is not to be written twice
  const pid_t maker = getpid();
  const pid_t process = uninterrupted(fork);
  if (process == 0) {
    answer.out.close();
    work(answer.in.number(), maker, read);
  }
  if (process < 0) throw SystemError("cannot create a process: " + std::generic_category().message(errno));
  return {process, std::move(answer.out)};
}

std::string path_of(const Descriptor& file) { return "/proc/self/fd/" + std::to_string(file.number()); }

Descriptor file_in_memory() {
  Descriptor file(memfd_create("script", MFD_CLOEXEC));
  if (file.number() < 0 || access(path_of(file).c_str(), R_OK) != 0)
    throw SystemError("cannot create a file in memory: " + std::generic_category().message(errno));
  return file;
}

Descriptor word_to_begin() {
  Descriptor word(eventfd(0, EFD_CLOEXEC));
  if (word.number() < 0)
    throw SystemError("cannot create an eventfd: " + std::generic_category().message(errno));
  return word;
}

void wait_for(const Descriptor& word) {
  std::uint64_t said = 0;
  if (uninterrupted([&] { return ::read(word.number(), &said, sizeof said); }) != sizeof said) _exit(1);
}

bool say(const Descriptor& word) {
  const std::uint64_t one = 1;
  return uninterrupted([&] { return write(word.number(), &one, sizeof one); }) == sizeof one;
}

}  // namespace

Child::~Child() {
  kill(process_, SIGKILL);
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string apart(const std::function<std::string()>& read, std::chrono::milliseconds longest) {
  const Child child = begin(read);
  return receive(child.answer(), Clock::now() + longest);
}

Early::Early(const std::function<void()>& forget, const std::function<std::string(const std::string&)>& work)
    : text_(file_in_memory()), word_(word_to_begin()), child_(begin([&, this] {
        forget();
        malloc_trim(0);
        wait_for(word_);
        return work(path_of(text_));
      })) {}

std::string Early::answer(std::string_view text, std::chrono::milliseconds longest) {
  if (!send(text_.number(), text) || !say(word_)) throw Broken("it cannot be told the text");
  return receive(child_.answer(), Clock::now() + longest);
}

}  // namespace knockwork
