// How long a host takes for a packet, by round trips alone:
// timing INTERFACE SOURCE SOURCE_MAC TARGET TARGET_MAC PROBE ROUNDS PORT...
//
// PROBE: syn (a SYN to the port, and its answer), or echo or ack (a datagram to the port, and right behind it
// an echo request or an ACK to port 9999, and the answer to that). Every round asks each port once, in an
// order of its own. Prints for each port: PORT SAMPLES MEAN DEVIATION, in nanoseconds, without the slowest
// twentieth of all samples, which are other programs' time.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::uint16_t kAnswered = 9999;
constexpr std::chrono::milliseconds kPatience{50};
using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

struct Ends {
  std::array<std::uint8_t, 6> source_mac{}, target_mac{};
  in_addr source{}, target{};
};

std::array<std::uint8_t, 6> mac(const char* text) {
  std::array<unsigned, 6> read{};
  std::sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &read[0], &read[1], &read[2], &read[3], &read[4], &read[5]);
  std::array<std::uint8_t, 6> bytes{};
  std::transform(read.begin(), read.end(), bytes.begin(),
                 [](unsigned each) { return static_cast<std::uint8_t>(each); });
  return bytes;
}

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

// A frame around `body`, whose checksum at `check` covers the addresses too unless it is ICMP's.
Bytes frame(const Ends& ends, std::uint8_t protocol, Bytes body, std::size_t check) {
  iphdr header{};
  header.version = 4;
  header.ihl = 5;
  header.tot_len = htons(static_cast<std::uint16_t>(sizeof header + body.size()));
  header.ttl = 64;
  header.protocol = protocol;
  header.saddr = ends.source.s_addr;
  header.daddr = ends.target.s_addr;
  header.check = folded(sum(reinterpret_cast<const std::uint8_t*>(&header), sizeof header));
  std::uint32_t total = sum(body.data(), body.size());
  if (protocol != IPPROTO_ICMP) {
    total += sum(reinterpret_cast<const std::uint8_t*>(&header.saddr), 8) + protocol;
    total += static_cast<std::uint32_t>(body.size());
  }
  const std::uint16_t found = folded(total);
  std::memcpy(body.data() + check, &found, sizeof found);
  Bytes whole(ends.target_mac.begin(), ends.target_mac.end());
  whole.insert(whole.end(), ends.source_mac.begin(), ends.source_mac.end());
  whole.insert(whole.end(), {0x08, 0x00});
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
  whole.insert(whole.end(), bytes, bytes + sizeof header);
  whole.insert(whole.end(), body.begin(), body.end());
  return whole;
}

Bytes segment(const Ends& ends, std::uint16_t from, std::uint16_t port, std::uint8_t flags) {
  Bytes body(sizeof(tcphdr));
  const std::uint16_t ports[2] = {htons(from), htons(port)};
  std::memcpy(body.data(), ports, sizeof ports);
  body[7] = 1;
  body[11] = 1;
  body[12] = 5 << 4;
  body[13] = flags;
  body[14] = 0xff;
  return frame(ends, IPPROTO_TCP, std::move(body), 16);
}

Bytes datagram(const Ends& ends, std::uint16_t from, std::uint16_t port) {
  Bytes body(sizeof(udphdr));
  const std::uint16_t ports[2] = {htons(from), htons(port)};
  std::memcpy(body.data(), ports, sizeof ports);
  body[5] = 8;
  return frame(ends, IPPROTO_UDP, std::move(body), 6);
}

Bytes echo(const Ends& ends, std::uint16_t number) {
  Bytes body(sizeof(icmphdr));
  body[0] = ICMP_ECHO;
  const std::uint16_t words[2] = {htons(number), htons(number)};
  std::memcpy(body.data() + 4, words, sizeof words);
  return frame(ends, IPPROTO_ICMP, std::move(body), 2);
}

// Whether a frame answers the probe whose source port, or number, is `own`.
bool answers(const Ends& ends, const Bytes& read, std::size_t size, std::uint16_t own) {
  constexpr std::size_t kBody = ETH_HLEN + sizeof(iphdr);
  if (size < kBody + 8 || std::memcmp(read.data() + ETH_HLEN + 12, &ends.target, sizeof ends.target) != 0)
    return false;
  const std::uint8_t protocol = read[ETH_HLEN + 9];
  std::uint16_t said = 0;
  std::memcpy(&said, read.data() + kBody + (protocol == IPPROTO_ICMP ? 4 : 2), sizeof said);
  return said == htons(own);
}

class Wire {
 public:
  Wire(const char* interface, Ends ends) : ends_(ends) {
    sockaddr_ll place{};
    place.sll_family = AF_PACKET;
    place.sll_protocol = htons(ETH_P_IP);
    place.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    handle_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_IP));
    if (bind(handle_, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0)
      std::perror("timing"), std::exit(1);
  }

  // Nanoseconds from the first frame to the answer; below zero where none comes.
  double ask(const std::vector<Bytes>& frames, std::uint16_t own) {
    std::array<iovec, 2> pieces{};
    std::array<mmsghdr, 2> messages{};
    for (std::size_t each = 0; each < frames.size(); ++each) {
      pieces[each] = {const_cast<std::uint8_t*>(frames[each].data()), frames[each].size()};
      messages[each].msg_hdr.msg_iov = &pieces[each];
      messages[each].msg_hdr.msg_iovlen = 1;
    }
    while (recv(handle_, read_.data(), read_.size(), 0) > 0) {
    }
    const auto began = Clock::now();
    if (sendmmsg(handle_, messages.data(), static_cast<unsigned>(frames.size()), 0) < 0) return -1;
    while (Clock::now() - began < kPatience) {
      const auto size = recv(handle_, read_.data(), read_.size(), 0);
      if (size > 0 && answers(ends_, read_, static_cast<std::size_t>(size), own))
        return std::chrono::duration<double, std::nano>(Clock::now() - began).count();
    }
    return -1;
  }

 private:
  Ends ends_;
  int handle_ = -1;
  Bytes read_ = Bytes(2048);
};

std::vector<Bytes> probe(const Ends& ends, const std::string& kind, std::uint16_t own, std::uint16_t port) {
  if (kind == "syn") return {segment(ends, own, port, 0x02)};
  if (kind == "ack") return {datagram(ends, own, port), segment(ends, own, kAnswered, 0x10)};
  return {datagram(ends, own, port), echo(ends, own)};
}

void print(const std::vector<std::uint16_t>& ports, const std::vector<std::vector<double>>& samples) {
  std::vector<double> all;
  for (const auto& each : samples) all.insert(all.end(), each.begin(), each.end());
  if (all.empty()) return;
  const auto limit = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 19 / 20);
  std::nth_element(all.begin(), limit, all.end());
  for (std::size_t each = 0; each < ports.size(); ++each) {
    double count = 0;
    double total = 0;
    double squares = 0;
    for (const double value : samples[each]) {
      if (value > *limit) continue;
      count += 1;
      total += value;
      squares += value * value;
    }
    if (count < 2) continue;
    const double mean = total / count;
    std::printf("%d %.0f %.1f %.1f\n", ports[each], count, mean, std::sqrt(squares / count - mean * mean));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Ends ends;
  if (argc < 9 || inet_pton(AF_INET, argv[2], &ends.source) != 1 ||
      inet_pton(AF_INET, argv[4], &ends.target) != 1) {
    return std::fputs("timing INTERFACE SOURCE SOURCE_MAC TARGET TARGET_MAC syn|echo|ack ROUNDS PORT...\n",
                      stderr),
           2;
  }
  ends.source_mac = mac(argv[3]);
  ends.target_mac = mac(argv[5]);
  const std::string kind = argv[6];
  const long rounds = std::clamp(std::atol(argv[7]), 1L, 20'000L);
  std::vector<std::uint16_t> ports;
  for (int each = 8; each < argc; ++each) ports.push_back(static_cast<std::uint16_t>(std::atoi(argv[each])));

  Wire wire(argv[1], ends);
  std::vector<std::vector<double>> samples(ports.size());
  std::vector<std::size_t> order(ports.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 dice(7);
  std::uint16_t own = 1024;
  int missed = 0;
  for (long round = 0; round < rounds && missed < 20; ++round) {
    std::shuffle(order.begin(), order.end(), dice);
    for (const std::size_t each : order) {
      own = own > 64000 ? std::uint16_t{1024} : static_cast<std::uint16_t>(own + 1);
      const double took = wire.ask(probe(ends, kind, own, ports[each]), own);
      if (took < 0)
        ++missed;
      else if (round > rounds / 20)
        samples[each].push_back(took);  // the first ones warm the caches
    }
  }
  print(ports, samples);
  return 0;
}
