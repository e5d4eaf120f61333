#include "facade/timer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "facade/files.hpp"
#include "facade/pending.hpp"
#include "knockwork/kernel.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// ----- systemd -----

std::string unit_of(const std::string& id) { return "knockwork-revert-" + id; }

// A timer of systemd runs in the network namespace of process 1.
bool systemd_is_ours() {
  struct stat own {
  }, first{};
  return ::access("/run/systemd/system", F_OK) == 0 && ::stat("/proc/self/ns/net", &own) == 0 &&
         ::stat("/proc/1/ns/net", &first) == 0 && own.st_ino == first.st_ino && own.st_dev == first.st_dev;
}

// This very command, or where another program has loaded the library, the
// command `knockwork` beside it.
std::optional<std::string> command() {
  std::error_code none;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", none);
  if (self.filename() == "knockwork") return self.string();
  for (const char* folder : {"/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"}) {
    const std::string path = std::string(folder) + "/knockwork";
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

// Whether it ended with status 0 within ten seconds; prints nothing.
bool run(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t silent;
  ::posix_spawn_file_actions_init(&silent);
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&silent, number, "/dev/null", O_RDWR, 0);
  }
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv.front(), &silent, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&silent);
  if (error != 0) return false;
  for (int tries = 0; tries < 1000; ++tries) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    std::this_thread::sleep_for(milliseconds(10));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return false;
}

bool arm_systemd(const std::string& id, milliseconds within) {
  const std::optional<std::string> self = command();
  if (!self || !systemd_is_ours()) return false;
  return run({"systemd-run", "--quiet", "--unit=" + unit_of(id),
              "--description=knockwork: take back what nobody confirmed", "--collect",
              fmt::format("--on-active={}ms", within.count()), "--timer-property=AccuracySec=100ms",
              "--timer-property=RemainAfterElapse=no", *self, "rollback", "--armed", id});
}

// ----- a process of its own -----

// Ends early where the apply was confirmed or taken back.
void sleep_until_over(const std::string& id, milliseconds deadline) {
  for (milliseconds left; (left = deadline - boot_clock()).count() > 0;) {
    std::this_thread::sleep_for(std::min(left, milliseconds(500)));
    try {
      const std::optional<Pending> pending = read_pending();
      if (!pending || pending->id != id) return;
    } catch (const SystemError&) {
      continue;  // whatever that was: the time is not over
    }
  }
}

// Nothing of its maker's: session, terminal, directory, open files. The lock is
// such a file, and is held until all who have it open have closed it.
void leave(int ready) {
  ::setsid();
  if (::chdir("/") != 0) ::_exit(1);
  ::umask(0077);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGHUP, SIGPIPE}) ::sigaction(signal, &ignore, nullptr);
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, number);
  if (ready > 3) ::close_range(3, static_cast<unsigned>(ready) - 1, 0);
  ::close_range(static_cast<unsigned>(ready) + 1, ~0U, 0);
}

[[noreturn]] void live_on(const std::string& id, milliseconds deadline, int ready) {
  leave(ready);
  const char said = 'a';
  if (::write(ready, &said, 1) != 1) ::_exit(1);
  ::close(ready);
  sleep_until_over(id, deadline);
  try {
    rollback_armed(id, *open_kernel());
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

void arm_process(const std::string& id, milliseconds within) {
  const milliseconds deadline = boot_clock() + within;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw SystemError("no pipe to be had to arm the rollback with");
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t grandchild = ::fork();  // so that it is nobody's child, and no zombie of ours
    if (grandchild == 0) live_on(id, deadline, ends[1]);
    ::_exit(grandchild < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  if (child > 0) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  char said = 0;
  const bool ready = ::read(ends[0], &said, 1) == 1;
  ::close(ends[0]);
  if (!ready) {
    throw SystemError(
        "cannot start the process that would take the apply back: are there too many? nothing was changed");
  }
}

}  // namespace

void arm(const std::string& id, milliseconds within) {
  if (!arm_systemd(id, within)) arm_process(id, within);
}

void disarm(const std::string& id) {
  if (systemd_is_ours()) run({"systemctl", "--quiet", "stop", unit_of(id) + ".timer"});
}

}  // namespace knockwork
