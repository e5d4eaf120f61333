#include "kernel/netlink/events.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "kernel/netlink/netlink.hpp"
#include "knockwork/diagnostic.hpp"
#include "ruleset/log.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

struct LogAttributes {
  std::string_view prefix;
  std::span<const std::uint8_t> payload;
  std::uint32_t mark = 0;
  std::optional<milliseconds> at;
};

std::span<const std::uint8_t> bytes(const nlattr* attribute) {
  return {static_cast<const std::uint8_t*>(libmnl().attr_get_payload(attribute)),
          libmnl().attr_get_payload_len(attribute)};
}

int take_attribute(const nlattr* attribute, void* data) {
  auto& taken = *static_cast<LogAttributes*>(data);
  const auto value = bytes(attribute);
  switch (libmnl().attr_get_type(attribute)) {
    case NFULA_PREFIX:
      taken.prefix = {reinterpret_cast<const char*>(value.data()), value.size()};
      taken.prefix = taken.prefix.substr(0, taken.prefix.find('\0'));
      break;
    case NFULA_PAYLOAD:
      taken.payload = value;
      break;
    case NFULA_MARK:
      if (value.size() == 4) taken.mark = ntohl(libmnl().attr_get_u32(attribute));
      break;
    case NFULA_TIMESTAMP:
      if (value.size() == sizeof(nfulnl_msg_packet_timestamp)) {
        nfulnl_msg_packet_timestamp time{};
        std::memcpy(&time, value.data(), sizeof time);
        taken.at = milliseconds(be64toh(time.sec) * 1000 + be64toh(time.usec) / 1000);
      }
      break;
    default:
      break;
  }
  return MNL_CB_OK;
}

// The source in an IP header (RFC 791, RFC 8200).
std::optional<Network> source_of(std::span<const std::uint8_t> header) {
  const bool ipv6 = !header.empty() && header[0] >> 4 == 6;
  const std::size_t at = ipv6 ? 8 : 12, size = ipv6 ? 16 : 4;
  if (header.size() < at + size || (!ipv6 && header[0] >> 4 != 4)) return std::nullopt;
  Network source;
  source.ipv6 = ipv6;
  source.prefix = ipv6 ? 128 : 32;
  std::copy_n(header.begin() + static_cast<std::ptrdiff_t>(at), size, source.bytes.begin());
  return source;
}

[[noreturn]] void taken() {
  throw SystemError(fmt::format(
      "another program already listens to nflog group {}: is another `knockwork watch` running?", kLogGroup));
}

bool may_listen() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> has{};
  return ::syscall(SYS_capget, &header, has.data()) == 0 && (has[0].effective & 1U << CAP_NET_ADMIN) != 0;
}

[[noreturn]] void cannot_listen() {
  switch (errno) {
    case EPERM:
      if (may_listen()) taken();  // the kernel's answer also where the group has its listener
      [[fallthrough]];
    case EACCES:
      throw SystemError("no permission to listen: run as root (sudo), or with the capability CAP_NET_ADMIN");
    case EBUSY:
      taken();
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
    case EINVAL:
      throw SystemError("this kernel has no nfnetlink_log: load the module (modprobe nfnetlink_log)");
    default:
      throw SystemError(fmt::format("cannot listen to nflog: {}", std::strerror(errno)));
  }
}

class LogEvents final : public Events {
 public:
  LogEvents() : socket_(libmnl().socket_open(NETLINK_NETFILTER)), buffer_(kBuffer) {
    if (!socket_ || libmnl().socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) cannot_listen();
    // The whole of what the rules copy: they take no more than the IP header.
    const nfulnl_msg_config_cmd bind{NFULNL_CFG_CMD_BIND};
    ask(NFULA_CFG_CMD, &bind, sizeof bind);
    nfulnl_msg_config_mode mode{};
    mode.copy_range = htonl(0xffff);
    mode.copy_mode = NFULNL_COPY_PACKET;
    ask(NFULA_CFG_MODE, &mode, sizeof mode);
    const std::uint32_t at_once = htonl(1);
    ask(NFULA_CFG_QTHRESH, &at_once, sizeof at_once);
    make_room();
  }

  Batch next(milliseconds longest) override {
    pollfd waiting{libmnl().socket_get_fd(socket_.get()), POLLIN, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(longest.count(), 0, 1 << 30)));
    if (ready == 0 || (ready < 0 && errno == EINTR)) return {};
    if (ready < 0) cannot_listen();
    const ssize_t length = libmnl().socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (length < 0 && errno == ENOBUFS) return {{}, true};
    if (length < 0 && errno == EINTR) return {};
    if (length < 0) cannot_listen();
    const auto now =
        std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    Batch batch;
    int left = static_cast<int>(length);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data());
         libmnl().nlmsg_ok(header, left); header = libmnl().nlmsg_next(header, &left)) {
      const auto event = parse_event({reinterpret_cast<const std::byte*>(header), header->nlmsg_len}, now);
      if (event) batch.events.push_back(*event);
    }
    return batch;
  }

 private:
  static constexpr std::size_t kBuffer = 1U << 16;

  // For what the rules let through at once while the reader is busy: more is lost, and told.
  void make_room() {
    constexpr int kRoom = 32 << 20;
    const int socket = libmnl().socket_get_fd(socket_.get());
    if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom) != 0)
      ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kRoom, sizeof kRoom);  // as much as is allowed
  }

  void ask(std::uint16_t attribute, const void* value, std::size_t size) {
    std::array<char, 512> message{};
    nlmsghdr* header = libmnl().nlmsg_put_header(message.data());
    header->nlmsg_type = (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    auto* family = static_cast<nfgenmsg*>(libmnl().nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    family->nfgen_family = AF_UNSPEC;
    family->version = NFNETLINK_V0;
    family->res_id = htons(kLogGroup);
    libmnl().attr_put(header, attribute, size, value);
    if (libmnl().socket_sendto(socket_.get(), header, header->nlmsg_len) < 0) cannot_listen();
    for (;;) {  // the answer; events may come before it
      const ssize_t length = libmnl().socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
      if (length < 0) cannot_listen();
      const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer_.data());
      if (length < static_cast<ssize_t>(sizeof(nlmsghdr)) || answer->nlmsg_type != NLMSG_ERROR) continue;
      errno = -static_cast<const nlmsgerr*>(libmnl().nlmsg_get_payload(answer))->error;
      if (errno != 0) cannot_listen();
      return;
    }
  }

  Socket socket_;
  std::vector<char> buffer_;
};

}  // namespace

std::optional<Event> parse_event(std::span<const std::byte> message, milliseconds now) {
  const auto* header = reinterpret_cast<const nlmsghdr*>(message.data());
  // Attributes are read up to the length's next multiple of four (mnl_nlmsg_get_payload_tail).
  if (message.size() < sizeof(nlmsghdr) + sizeof(nfgenmsg) || header->nlmsg_len > message.size() ||
      NLMSG_ALIGN(header->nlmsg_len) > message.size() ||
      header->nlmsg_len < sizeof(nlmsghdr) + sizeof(nfgenmsg) ||
      header->nlmsg_type != ((NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET)) {
    return std::nullopt;
  }
  LogAttributes taken;
  if (libmnl().attr_parse(header, sizeof(nfgenmsg), take_attribute, &taken) < 0) return std::nullopt;
  const bool grant = taken.prefix == kLogGrant;
  const auto source = source_of(taken.payload);
  if (!source || (!grant && taken.prefix != kLogWrong)) return std::nullopt;
  return Event{grant ? Event::Kind::grant : Event::Kind::wrong, taken.at.value_or(now), *source,
               grant ? taken.mark : 0};
}

std::unique_ptr<Events> open_events() { return std::make_unique<LogEvents>(); }

}  // namespace knockwork
