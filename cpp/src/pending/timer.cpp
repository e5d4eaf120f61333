#include "pending/timer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "host/addresses.hpp"
#include "host/clocks.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "pending/pending.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// ----- systemd -----

std::string unit_of(const std::string& id) { return "knockwork-revert-" + id; }

// A timer of systemd runs in the network namespace of process 1.
bool systemd_is_ours() { return ::access("/run/systemd/system", F_OK) == 0 && in_first_namespace(); }

// This very command, or where another program has loaded the library, the
// command `knockwork` beside it.
std::optional<std::string> command() {
  std::error_code none;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", none);
  if (self.filename() == "knockwork") return self.string();
  for (const char* folder : {"/usr/local/bin", "/usr/bin"}) {
    const std::string path = std::string(folder) + "/knockwork";
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

// Whether it ended with status 0 within ten seconds; prints nothing.
bool run(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
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
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (ended < 0 && errno != EINTR) return false;  // its end went to somebody else
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
              "--description=knockwork: roll back an unconfirmed apply", "--collect",
              fmt::format("--on-active={}ms", within.count()), "--timer-property=AccuracySec=100ms",
              "--timer-property=RemainAfterElapse=no", *self, "rollback", "--armed", id});
}

// ----- a process of its own -----

// Ends early where the apply was confirmed or taken back.
void sleep_until_over(const std::string& id, milliseconds deadline) {
  for (milliseconds left; (left = deadline - boot_clock()).count() > 0;) {
    try {
      const std::optional<Pending> pending = read_pending();
      if (!pending || pending->id != id) return;
    } catch (const SystemError&) {
      // Whatever that was: the time is not over.
    }
    std::this_thread::sleep_for(std::min(left, milliseconds(500)));
  }
}

// The maker's two pipes, where nothing else is left open.
constexpr int kReady = 3;  // says that it lives on
constexpr int kNoted = 4;  // ends once the note is written, or its maker is dead

// Nothing of its maker's: session, terminal, directory, open files. The lock is
// such a file, and is held until all who have it open have closed it.
void leave(int ready, int noted) {
  ::setsid();
  if (::chdir("/") != 0) ::_exit(1);
  ::umask(0077);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGHUP, SIGPIPE}) ::sigaction(signal, &ignore, nullptr);
  const int out_of_the_way = ::fcntl(ready, F_DUPFD, 10), too = ::fcntl(noted, F_DUPFD, 10);
  if (out_of_the_way < 0 || too < 0) ::_exit(1);
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, number);
  ::dup2(out_of_the_way, kReady);
  ::dup2(too, kNoted);
  ::close_range(kNoted + 1, ~0U, 0);
}

[[noreturn]] void live_on(const std::string& id, milliseconds deadline, int ready, int noted,
                          const std::function<void()>& when_over) {
  leave(ready, noted);
  char said = 'a';
  if (::write(kReady, &said, 1) != 1) ::_exit(1);
  ::close(kReady);
  while (::read(kNoted, &said, 1) < 0 && errno == EINTR) {
  }
  ::close(kNoted);
  sleep_until_over(id, deadline);
  try {
    when_over();
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) throw SystemError("cannot create a pipe for the rollback process");
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void close(int end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

void arm_process(const std::string& id, milliseconds within, const std::function<void()>& note,
                 const std::function<void()>& when_over) {
  const milliseconds deadline = boot_clock() + within;
  Pipe ready, noted;
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t grandchild = ::fork();  // so that it is nobody's child, and no zombie of ours
    if (grandchild == 0) live_on(id, deadline, ready.writer(), noted.reader(), when_over);
    ::_exit(grandchild < 0 ? 1 : 0);
  }
  ready.close(1);
  noted.close(0);
  if (child > 0) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  char said = 0;
  if (::read(ready.reader(), &said, 1) != 1) {
    throw SystemError(
        "cannot start the process that would roll the apply back (process limit reached?); nothing was "
        "changed");
  }
  note();
}

}  // namespace

void arm(const std::string& id, milliseconds within, const std::function<void()>& note,
         const std::function<void()>& when_over) {
  if (!arm_systemd(id, within)) return arm_process(id, within, note, when_over);
  try {
    note();
  } catch (const SystemError&) {
    disarm(id);
    throw;
  }
}

void disarm(const std::string& id) {
  if (systemd_is_ours()) run({"systemctl", "--quiet", "stop", unit_of(id) + ".timer"});
}

}  // namespace knockwork
