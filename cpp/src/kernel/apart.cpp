#include "kernel/apart.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "host/uninterrupted.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kWhole = '\0';  // ends what is whole; a listing has none

bool send(int to, const std::string& text) {
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

struct Child {
  pid_t process;
  int pipe;
  ~Child() {
    close(pipe);
    kill(process, SIGKILL);
    while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
};

}  // namespace

std::string apart(const std::function<std::string()>& read, std::chrono::milliseconds longest) {
  int ends[2];
  if (uninterrupted([&] { return pipe2(ends, O_CLOEXEC); }) != 0)
    throw SystemError("cannot create a pipe: " + std::generic_category().message(errno));
  std::fflush(nullptr);  // what waits to be written is not to be written twice
  const pid_t maker = getpid();
  const pid_t process = uninterrupted(fork);
  if (process == 0) {
    close(ends[0]);
    work(ends[1], maker, read);
  }
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    throw SystemError("cannot create a process: " + std::generic_category().message(errno));
  }
  const Child child{process, ends[0]};
  return receive(child.pipe, Clock::now() + longest);
}

}  // namespace knockwork
