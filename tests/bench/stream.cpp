// Both ends of TCP connections in one thread:
//
//     stream bytes|connections SERVER_PID CLIENT_PID ADDRESS PORT AMOUNT
//
// Each end's sockets are made in the network namespace of a process. What a packet costs on its way
// is spent in the time of whoever sends it, so the CPU time of this thread is that of both ends, and
// what else runs does not count. Prints how much a CPU second moves: bytes, or connections with a
// request and a reply of 64 bytes each.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void enter(const char* pid) {
  const int space = ::open((std::string("/proc/") + pid + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
  if (space < 0 || ::setns(space, CLONE_NEWNET) != 0) fail(pid);
  ::close(space);
}

int listener(const sockaddr_in& at) {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(made, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(made, 64) != 0)
    fail("listen");
  return made;
}

struct Pair {
  int client, server;
};

Pair connected(int listening, const sockaddr_in& to) {
  const Pair made{::socket(AF_INET, SOCK_STREAM, 0), 0};
  if (::connect(made.client, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
  const int server = ::accept(listening, nullptr, nullptr);
  if (server < 0) fail("accept");
  return {made.client, server};
}

// So much of a stream that flows one way.
void flow(int listening, const sockaddr_in& to, long amount) {
  const Pair pair = connected(listening, to);
  std::vector<char> buffer(1 << 18);
  for (long moved = 0; moved < amount;) {
    if (::send(pair.client, buffer.data(), buffer.size(), MSG_DONTWAIT) < 0 && errno != EAGAIN) fail("send");
    ssize_t got = 0;
    while ((got = ::recv(pair.server, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) moved += got;
    if (got == 0 || errno != EAGAIN) fail("recv");
  }
  ::close(pair.client);
  ::close(pair.server);
}

void pass(int from, int to) {
  std::array<char, 64> words{};
  if (::send(from, words.data(), words.size(), 0) != ssize_t{64}) fail("send");
  if (::recv(to, words.data(), words.size(), MSG_WAITALL) != ssize_t{64}) fail("recv");
}

// So many connections, one after another: a request, a reply, and both ends close.
void connections(int listening, const sockaddr_in& to, long amount) {
  for (long number = 0; number < amount; ++number) {
    const Pair pair = connected(listening, to);
    pass(pair.client, pair.server);
    pass(pair.server, pair.client);
    ::close(pair.client);
    ::close(pair.server);
  }
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  if (argc != 7 || ::inet_pton(AF_INET, argv[4], &at.sin_addr) != 1) {
    std::fputs("stream bytes|connections SERVER_PID CLIENT_PID ADDRESS PORT AMOUNT\n", stderr);
    return 2;
  }
  at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[5])));
  const long amount = std::atol(argv[6]);
  const auto work = std::strcmp(argv[1], "bytes") == 0 ? flow : connections;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  ::sched_setaffinity(0, sizeof one, &one);  // both ends, and what the kernel does for them
  enter(argv[2]);
  const int listening = listener(at);
  enter(argv[3]);
  work(listening, at, amount / 10);
  const double began = cpu_seconds();
  work(listening, at, amount);
  std::printf("%.0f\n", static_cast<double>(amount) / (cpu_seconds() - began));
}
