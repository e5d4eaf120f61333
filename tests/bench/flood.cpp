// One bounded UDP flooder: flood ADDRESS SECONDS MAX_PACKETS [PORT...] [+BYTES]
//
// Sends datagrams, empty or with so many BYTES, to ADDRESS in batches, to the ports given in turn or,
// without any, to ports 1-65535 in a fixed shuffled order. Prints how many were
// sent. Inside one kernel a veth pair hands each packet to the receiver in the sender's
// own time, so the receiver's cost is in the sender's CPU time.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

namespace {

constexpr int kBatch = 64;
using Clock = std::chrono::steady_clock;

std::vector<std::uint16_t> all_ports() {
  std::vector<std::uint16_t> ports(65535);
  std::iota(ports.begin(), ports.end(), std::uint16_t{1});
  std::shuffle(ports.begin(), ports.end(), std::mt19937(7));
  return ports;
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in target{};
  target.sin_family = AF_INET;
  if (argc < 4 || inet_pton(AF_INET, argv[1], &target.sin_addr) != 1) {
    std::fputs("flood ADDRESS SECONDS MAX_PACKETS [PORT...] [+BYTES]\n", stderr);
    return 2;
  }
  const double seconds = std::clamp(std::atof(argv[2]), 0.0, 30.0);
  const long most = std::clamp(std::atol(argv[3]), 0L, 20'000'000L);
  std::vector<std::uint16_t> ports;
  std::vector<char> payload;
  for (int each = 4; each < argc; ++each) {
    if (argv[each][0] == '+')
      payload.resize(static_cast<std::size_t>(std::clamp(std::atoi(argv[each]), 0, 1200)), 'x');
  }
  iovec piece{payload.data(), payload.size()};
  for (int each = 4; each < argc; ++each) {
    if (argv[each][0] != '+') ports.push_back(static_cast<std::uint16_t>(std::atoi(argv[each])));
  }
  if (ports.empty()) ports = all_ports();

  const int sender = socket(AF_INET, SOCK_DGRAM, 0);
  std::array<sockaddr_in, kBatch> targets;
  targets.fill(target);
  std::array<mmsghdr, kBatch> messages{};
  for (int each = 0; each < kBatch; ++each) {
    messages[each].msg_hdr.msg_name = &targets[each];
    messages[each].msg_hdr.msg_namelen = sizeof(sockaddr_in);
    messages[each].msg_hdr.msg_iov = &piece;
    messages[each].msg_hdr.msg_iovlen = 1;
  }
  long sent = 0;
  std::size_t next = 0;
  const auto began = Clock::now();
  std::chrono::duration<double> spent{0};
  while (sent < most && spent.count() < seconds) {
    for (auto& each : targets) {
      each.sin_port = htons(ports[next]);
      next = (next + 1) % ports.size();
    }
    const int done = sendmmsg(sender, messages.data(), kBatch, 0);
    if (done > 0) sent += done;  // else ECONNREFUSED and the like: told, and no reason to stop
    spent = Clock::now() - began;
  }
  std::printf("%ld\n", sent);
}
