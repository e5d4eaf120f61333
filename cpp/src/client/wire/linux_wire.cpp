// The real Wire.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/errqueue.h>
#include <linux/icmpv6.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <thread>

#include "knockwork/diagnostic.hpp"
#include "knockwork/wire.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

// An address as the system calls take it.
struct SystemAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = 0;
};

SystemAddress system_address(const Destination& to, std::uint16_t port) {
  SystemAddress address{};
  if (to.address.ipv6) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    address.v6.sin6_scope_id = to.scope;
    std::memcpy(&address.v6.sin6_addr, to.address.bytes.data(), 16);
    address.length = sizeof address.v6;
  } else {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    std::memcpy(&address.v4.sin_addr, to.address.bytes.data(), 4);
    address.length = sizeof address.v4;
  }
  return address;
}

Destination destination(const sockaddr* address) {
  Destination to;
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);  // NOLINT: how sockaddr is meant
    to.address.ipv6 = true;
    to.address.prefix = 128;
    to.scope = v6->sin6_scope_id;
    std::memcpy(to.address.bytes.data(), &v6->sin6_addr, 16);
  } else {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);  // NOLINT: how sockaddr is meant
    to.address.prefix = 32;
    std::memcpy(to.address.bytes.data(), &v4->sin_addr, 4);
  }
  return to;
}

int system_family(Family family) {
  return family == Family::any ? AF_UNSPEC : family == Family::ipv4 ? AF_INET : AF_INET6;
}

int look_up(const std::string& name, Family family, addrinfo** found) {
  addrinfo hints{};
  hints.ai_family = system_family(family);
  hints.ai_socktype = SOCK_STREAM;
  return ::getaddrinfo(name.c_str(), nullptr, &hints, found);
}

Network source_address(const std::string& text) {
  const auto network = parse_network(text);
  if (network && network->prefix == (network->ipv6 ? 128 : 32)) return *network;
  throw SystemError(fmt::format("{} is not an address to knock from", text));
}

std::string reason(int error) { return std::strerror(error); }

// Of a connecting socket: that it keeps which ICMP error came, which errno does not tell (ip(7), ipv6(7)).
// An established connection would fail with any.
void keep_errors(const Socket& socket, bool ipv6, int on) {
  ::setsockopt(socket.number(), ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_RECVERR : IP_RECVERR, &on,
               sizeof on);
}

// RFC 1812, 5.2.7.1; RFC 4443, 3.1.
bool is_prohibition(const sock_extended_err& error) {
  if (error.ee_origin == SO_EE_ORIGIN_ICMP) {
    return error.ee_type == ICMP_DEST_UNREACH &&
           (error.ee_code == ICMP_NET_ANO || error.ee_code == ICMP_HOST_ANO ||
            error.ee_code == ICMP_PKT_FILTERED);
  }
  return error.ee_origin == SO_EE_ORIGIN_ICMP6 && error.ee_type == ICMPV6_DEST_UNREACH &&
         (error.ee_code == ICMPV6_ADM_PROHIBITED || error.ee_code == ICMPV6_POLICY_FAIL);
}

// Whether a firewall has said no, by an error that looks like a missing route.
bool is_prohibited(const Socket& socket) {
  alignas(cmsghdr) char control[512];
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(socket.number(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return false;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    const bool is_error = (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR) ||
                          (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR);
    sock_extended_err error{};
    if (!is_error || each->cmsg_len < CMSG_LEN(sizeof error)) continue;
    std::memcpy(&error, CMSG_DATA(each), sizeof error);
    if (is_prohibition(error)) return true;
  }
  return false;
}

Wire::Answer answer_of(int error, const Socket& socket) {
  if (error == 0) return Wire::Answer::open;
  if (error == ECONNREFUSED || error == ECONNRESET) return Wire::Answer::refused;
  if (error == ETIMEDOUT) return Wire::Answer::silent;
  return is_prohibited(socket) ? Wire::Answer::refused : Wire::Answer::no_way;
}

class LinuxWire final : public Wire {
 public:
  std::vector<Destination> resolve(const std::string& name, Family family, std::string& why) override {
    addrinfo* found = nullptr;
    const int error = look_up(name, family, &found);
    if (error != 0) {
      why = error == EAI_SYSTEM ? reason(errno) : ::gai_strerror(error);
      if (family != Family::any && look_up(name, Family::any, &found) == 0) {
        ::freeaddrinfo(found);
        why = family == Family::ipv4 ? "it has no IPv4 address" : "it has no IPv6 address";
      }
      return {};
    }
    std::vector<Destination> all;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
      if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
      const Destination to = destination(each->ai_addr);
      if (std::find(all.begin(), all.end(), to) == all.end()) all.push_back(to);
    }
    ::freeaddrinfo(found);
    return all;
  }

  // Connecting a datagram socket asks the routes and sends nothing (udp(7)).
  std::string obstacle(const Destination& to, const Way& way) override {
    if (!way.source.empty() && source_address(way.source).ipv6 != to.address.ipv6) {
      return fmt::format("{} is of the other address family", way.source);
    }
    if (lacks_family(to)) return reason(EAFNOSUPPORT);
    const Socket socket = open_socket(to, SOCK_DGRAM, way);
    const SystemAddress address = system_address(to, 9);
    return ::connect(socket.number(), &address.any, address.length) == 0 ? "" : reason(errno);
  }

  Sent knock(const Destination& to, Knock knock, const Way& way) override {
    const SystemAddress address = system_address(to, knock.port);
    if (knock.protocol == Protocol::udp) {
      Socket socket = open_socket(to, SOCK_DGRAM, way);
      const char byte = 0;  // some filters drop empty datagrams
      // Connected, since ICMP errors are told to such sockets alone (udp(7)).
      const bool sent = ::connect(socket.number(), &address.any, address.length) == 0 &&
                        ::send(socket.number(), &byte, 1, 0) == 1;
      return sent ? Sent{std::move(socket), ""} : Sent{Socket(), reason(errno)};
    }
    // Closing a socket whose SYN has no answer yet ends it in silence: nothing is sent again,
    // and an answer meets a closed port. Where it has one, what came about is reset.
    Socket socket = open_socket(to, SOCK_STREAM, way);
    leave_no_trace(socket);
    if (::connect(socket.number(), &address.any, address.length) == 0) return {std::move(socket), ""};
    if (errno == EINPROGRESS || errno == ECONNREFUSED) return {std::move(socket), ""};
    return {Socket(), reason(errno)};
  }

  Sent send(const Destination& to, std::uint16_t port, const std::string& datagram, const Way& way) override {
    const SystemAddress address = system_address(to, port);
    Socket socket = open_socket(to, SOCK_DGRAM, way);
    const bool sent = ::sendto(socket.number(), datagram.data(), datagram.size(), 0, &address.any,
                               address.length) == static_cast<ssize_t>(datagram.size());
    return sent ? Sent{std::move(socket), ""} : Sent{Socket(), reason(errno)};
  }

  bool answered(const std::vector<Socket>& sent, milliseconds most) override {
    std::vector<pollfd> polled;
    polled.reserve(sent.size());
    for (const Socket& each : sent) {
      // A datagram can always be written; of a connection that tells its answer.
      polled.push_back({each.number(), static_cast<short>(is_stream(each) ? POLLOUT : POLLIN), 0});
    }
    return poll_for(polled, most);
  }

  Tried connect(const Destination& to, std::uint16_t port, const Way& way, milliseconds timeout,
                Purpose purpose) override {
    Socket socket = open_socket(to, SOCK_STREAM, way);
    if (purpose == Purpose::proof) leave_no_trace(socket);
    const SystemAddress address = system_address(to, port);
    int error = ::connect(socket.number(), &address.any, address.length) == 0 ? 0 : errno;
    if (error == EINPROGRESS) error = wait_connected(socket, timeout);
    const Answer answer = answer_of(error, socket);
    if (answer != Answer::open) return {answer, Socket(), reason(error)};
    if (purpose == Purpose::connection) make_usable(socket);
    return {answer, std::move(socket), ""};
  }

  Tried begin(const Destination& to, std::uint16_t port, const Way& way) override {
    Socket socket = open_socket(to, SOCK_STREAM, way);
    leave_no_trace(socket);
    const SystemAddress address = system_address(to, port);
    const int error = ::connect(socket.number(), &address.any, address.length) == 0 ? 0 : errno;
    // Whatever came of it at once, hear() tells; but for what kept it from being sent.
    if (error == 0 || error == EINPROGRESS) return {Answer::silent, std::move(socket), ""};
    return {answer_of(error, socket), Socket(), reason(error)};
  }

  Heard hear(const std::vector<Socket>& begun, milliseconds most) override {
    std::vector<pollfd> waited;
    waited.reserve(begun.size());
    for (const Socket& each : begun) waited.push_back({each.number(), POLLOUT, 0});
    if (!poll_for(waited, most)) return {Answer::silent, 0, reason(ETIMEDOUT)};
    const auto ready =
        std::find_if(waited.begin(), waited.end(), [](const pollfd& each) { return each.revents != 0; });
    const auto which = static_cast<std::size_t>(ready - waited.begin());
    const int error = error_of(begun[which]);
    return {answer_of(error, begun[which]), which, reason(error)};
  }

  void keep(const Socket& socket) override {
    const linger usual{0, 0};
    ::setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &usual, sizeof usual);
    const int on = 1;
    ::setsockopt(socket.number(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);  // sends the ACK withheld
    make_usable(socket);
  }

  UnixTime clock() override { return unix_time(); }

  milliseconds now() override {
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch());
  }

  void sleep(milliseconds time) override {
    if (time > milliseconds{}) std::this_thread::sleep_for(time);
  }

  milliseconds random(milliseconds most) override {
    if (most <= milliseconds{}) return milliseconds{};
    std::random_device device;
    return milliseconds(std::uniform_int_distribution<std::int64_t>(0, most.count())(device));
  }

 private:
  static Socket new_socket(const Destination& to, int type) {
    return Socket(::socket(to.address.ipv6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }

  // This host, or this process, may do without IPv6 where the other host's name has an address of it.
  static bool lacks_family(const Destination& to) {
    return new_socket(to, SOCK_DGRAM).number() < 0 && errno == EAFNOSUPPORT;
  }

  static Socket open_socket(const Destination& to, int type, const Way& way) {
    Socket socket = new_socket(to, type);
    if (socket.number() < 0) throw SystemError(fmt::format("cannot open a socket: {}", reason(errno)));
    if (type == SOCK_STREAM) keep_errors(socket, to.address.ipv6, 1);
    if (!way.interface.empty()) use_interface(socket, way.interface);
    if (!way.source.empty()) use_source(socket, way.source);
    return socket;
  }

  // Closing resets the connection (socket(7)), if it can before the ACK of the SYN-ACK has gone out, which
  // the kernel withholds for 200 ms where no quick one is wanted (tcp(7); tcp_rcv_synsent_state_process()).
  // Then the other end has no connection yet, and the program that listens there hears of none.
  static void leave_no_trace(const Socket& socket) {
    const linger none{1, 0};
    ::setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    const int off = 0;
    ::setsockopt(socket.number(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
  }

  static void make_usable(const Socket& socket) {
    for (const bool ipv6 : {false, true}) keep_errors(socket, ipv6, 0);
    const int on = 1;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::fcntl(socket.number(), F_SETFL, ::fcntl(socket.number(), F_GETFL) & ~O_NONBLOCK);
  }

  static bool is_stream(const Socket& socket) {
    int type = 0;
    socklen_t length = sizeof type;
    ::getsockopt(socket.number(), SOL_SOCKET, SO_TYPE, &type, &length);
    return type == SOCK_STREAM;
  }

  // Whether something happens in time.
  bool poll_for(std::vector<pollfd>& polled, milliseconds most) {
    const milliseconds end = now() + most;
    for (;;) {
      const milliseconds left = std::max(end - now(), milliseconds{});
      const int ready = ::poll(polled.data(), polled.size(),
                               static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30)));
      if (ready >= 0 || errno != EINTR) return ready > 0;
    }
  }

  // Without privileges since Linux 5.7, for a socket that has no interface yet (c427bfec18f2).
  static void use_interface(const Socket& socket, const std::string& name) {
    const auto length = static_cast<socklen_t>(std::min<std::size_t>(name.size(), IFNAMSIZ));
    if (::setsockopt(socket.number(), SOL_SOCKET, SO_BINDTODEVICE, name.data(), length) == 0) return;
    throw SystemError(errno == ENODEV ? fmt::format("the interface {} does not exist", name)
                                      : fmt::format("cannot use the interface {}: {}", name, reason(errno)));
  }

  static void use_source(const Socket& socket, const std::string& text) {
    const SystemAddress address = system_address({source_address(text), 0}, 0);
    if (::bind(socket.number(), &address.any, address.length) == 0) return;
    throw SystemError(errno == EADDRNOTAVAIL ? fmt::format("{} is not an address of this host", text)
                                             : fmt::format("cannot knock from {}: {}", text, reason(errno)));
  }

  // 0, or the error that connect(2) would have had.
  int wait_connected(const Socket& socket, milliseconds timeout) {
    std::vector<pollfd> waited{{socket.number(), POLLOUT, 0}};
    return poll_for(waited, timeout) ? error_of(socket) : ETIMEDOUT;
  }

  static int error_of(const Socket& socket) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
  }
};

}  // namespace

std::string to_string(const Destination& destination) {
  std::string text = to_string(destination.address);
  if (destination.scope == 0) return text;
  char name[IF_NAMESIZE]{};
  return text + '%' +
         (::if_indextoname(destination.scope, name) ? std::string(name) : std::to_string(destination.scope));
}

std::unique_ptr<Wire> open_wire() { return std::make_unique<LinuxWire>(); }

}  // namespace knockwork
