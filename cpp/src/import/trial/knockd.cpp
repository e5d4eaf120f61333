// What knockd says with --verbose is enough: "127.0.0.5: 3: OPEN SESAME". Its file is never on a disk, and no
// port is an argument.
#include "import/trial/knockd.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <set>
#include <sstream>
#include <system_error>

#include "kernel/apart.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kProgram = "/usr/sbin/knockd";
constexpr std::chrono::seconds kLongestWait{20};

[[noreturn]] void fail(const char* what) {
  throw SystemError(fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

void write_all(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  const bool done = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) ::close(file);
  if (!done) fail(path);
}

// Without root: root of a user namespace (user_namespaces(7)).
void enter_own_network() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWNET | (user == 0 ? 0 : CLONE_NEWUSER)) != 0) fail("cannot make a network namespace");
  if (user != 0) {
    ::prctl(PR_SET_DUMPABLE, 1);  // else these files are not ours
    write_all("/proc/self/setgroups", "deny");
    write_all("/proc/self/uid_map", fmt::format("0 {} 1", user));
    write_all("/proc/self/gid_map", fmt::format("0 {} 1", group));
  }
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq interface {};
  std::strcpy(interface.ifr_name, "lo");
  interface.ifr_flags = IFF_UP | IFF_RUNNING;
  if (any < 0 || ::ioctl(any, SIOCSIFFLAGS, &interface) != 0) fail("cannot set the loopback interface up");
  ::close(any);
}

// A sequence whose opening shows that knockd has seen all that was sent before; no door has its ports.
struct Mark {
  Knock first{Protocol::tcp, 0}, last{Protocol::tcp, 0};
};

Mark free_mark(const std::vector<std::vector<Try>>& tries) {
  std::set<std::uint16_t> used;
  for (const auto& each : tries) {
    for (const Try& attempt : each) {
      for (const TriedKnock& tried : attempt.knocks) used.insert(tried.knock.port);
    }
  }
  Mark mark;
  for (std::uint16_t port = 61001; mark.last.port == 0; ++port) {
    if (used.count(port) == 0) (mark.first.port == 0 ? mark.first : mark.last).port = port;
  }
  return mark;
}

std::string configuration(const std::vector<KnockdDoor>& doors, const Mark& mark) {
  std::string text;
  for (std::size_t number = 0; number < doors.size(); ++number) {
    text += fmt::format("[{}]\n", number);
    for (const auto& [key, value] : doors[number]) text += fmt::format("{} = {}\n", key, value);
    text += "COMMAND = :\n";
  }
  return text + fmt::format("[mark]\nSEQUENCE = {},{}\nTCPFLAGS = syn\nCOMMAND = :\n", mark.first.port,
                            mark.last.port);
}

// A running knockd, and what it has said.
class Knockd {
 public:
  explicit Knockd(const std::string& configuration) {
    const int file = ::memfd_create("knockd.conf", 0);  // for the program to open
    int ends[2];
    if (file < 0 || ::pipe2(ends, O_CLOEXEC) != 0) fail("cannot hand knockd its file");
    if (::write(file, configuration.data(), configuration.size()) < 0) fail("cannot write knockd's file");
    const std::string path = fmt::format("/proc/self/fd/{}", file);
    process_ = ::fork();
    if (process_ < 0) fail("cannot run knockd");
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::execl(kProgram, kProgram, "-v", "-4", "-i", "lo", "-c", path.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    ::close(file);
    output_ = ends[0];
    wait_for("listening on lo");
  }
  ~Knockd() {
    ::kill(process_, SIGKILL);
    ::close(output_);
  }
  Knockd(const Knockd&) = delete;
  Knockd& operator=(const Knockd&) = delete;

  void wait_for(const std::string& text) {
    const auto end = Clock::now() + kLongestWait;
    while (said_.find(text) == std::string::npos) {
      pollfd ready{output_, POLLIN, 0};
      char buffer[4096];
      const bool more = Clock::now() < end && ::poll(&ready, 1, 1000) >= 0;
      const ssize_t bytes = more && ready.revents != 0 ? ::read(output_, buffer, sizeof buffer)
                            : more                     ? -1
                                                       : 0;
      if (bytes == 0) throw SystemError("knockd refuses these sections, or does not answer");
      if (bytes > 0) said_.append(buffer, static_cast<std::size_t>(bytes));
    }
  }
  bool has_opened(const std::string& source, std::size_t door) const {
    return said_.find(fmt::format("{}: {}: OPEN SESAME\n", source, door)) != std::string::npos;
  }

 private:
  pid_t process_ = -1;
  int output_ = -1;
  std::string said_ = "\n";
};

std::string address(std::size_t number) {
  return fmt::format("127.{}.{}.{}", 1 + number / 40'000 % 250, number / 200 % 200, 1 + number % 200);
}

// A connection to a closed port is refused before connect(2) returns, on this interface.
void send(const std::string& source, const Knock& knock) {
  const bool tcp = knock.protocol == Protocol::tcp;
  const int socket = ::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  sockaddr_in here{}, there{};
  here.sin_family = there.sin_family = AF_INET;
  ::inet_pton(AF_INET, source.c_str(), &here.sin_addr);
  there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  there.sin_port = htons(knock.port);
  if (socket < 0 || ::bind(socket, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
    fail("cannot send a knock");
  }
  const auto* to = reinterpret_cast<const sockaddr*>(&there);
  if (tcp) {
    [[maybe_unused]] const int refused = ::connect(socket, to, sizeof there);
  } else {
    ::sendto(socket, "", 0, 0, to, sizeof there);
  }
  ::close(socket);
}

void stay_on_one_processor() {  // its packets stay in order
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

// "10" where it opened to the first source and not to the second.
std::string trial(Knockd& knockd, std::size_t door, const Try& attempt, const Mark& mark,
                  std::size_t number) {
  const std::string both[] = {address(3 * number), address(3 * number + 1)};
  const std::string witness = address(3 * number + 2);
  for (const TriedKnock& tried : attempt.knocks) send(both[tried.source], tried.knock);
  // A wrong knock ends what is left of an attempt; the next packet makes knockd forget it.
  for (const std::string& source : both) send(source, mark.last);
  for (const Knock& knock : {mark.last, mark.first, mark.last}) send(witness, knock);
  knockd.wait_for(fmt::format("\n{}: mark: OPEN SESAME\n", witness));
  std::string opened;
  for (const std::string& source : both) opened += knockd.has_opened(source, door) ? '1' : '0';
  return opened;
}

std::string all_trials(const std::vector<KnockdDoor>& doors, const std::vector<std::vector<Try>>& tries) {
  stay_on_one_processor();
  enter_own_network();
  const Mark mark = free_mark(tries);
  Knockd knockd(configuration(doors, mark));
  std::string result;
  std::size_t number = 0;
  for (std::size_t door = 0; door < doors.size(); ++door) {
    for (const Try& attempt : tries[door]) result += trial(knockd, door, attempt, mark, number++) + '\n';
  }
  return result;
}

}  // namespace

std::vector<std::vector<std::vector<bool>>> opened_by_knockd(const std::vector<KnockdDoor>& doors,
                                                             const std::vector<std::vector<Try>>& tries) {
  if (::access(kProgram, X_OK) != 0) {
    throw SystemError("knockd is not installed, and --check asks it: `sudo apt install knockd`");
  }
  const auto run = [&]() -> std::string {
    try {
      return all_trials(doors, tries);
    } catch (const SystemError& error) {
      return std::string("!") + error.what();
    }
  };
  std::string text;
  try {
    text = apart(run, std::chrono::minutes(10));
  } catch (const SystemError&) {
    throw SystemError(
        "knockd cannot be asked: the process that runs it ended, or took more than ten minutes");
  }
  if (text.starts_with('!')) throw SystemError(text.substr(1));
  std::istringstream lines(text);
  std::vector<std::vector<std::vector<bool>>> opened;
  for (const std::vector<Try>& each : tries) {
    auto& made = opened.emplace_back();
    for (std::size_t number = 0; number < each.size(); ++number) {
      std::string line;
      std::getline(lines, line);
      made.push_back({line.starts_with('1'), line.ends_with('1')});
    }
  }
  return opened;
}

}  // namespace knockwork
