#include "kernel/netlink/flows.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "host/system_calls.hpp"
#include "kernel/netlink/netlink.hpp"
#include "knockwork/diagnostic.hpp"

#ifndef SOCK_DESTROY
#define SOCK_DESTROY 21  // Linux 4.5
#endif

namespace knockwork {
namespace {

constexpr std::size_t kBuffer = 1U << 16;

using Take = std::function<void(const nlmsghdr*)>;

[[noreturn]] void cannot_ask_for_flows() {
  const std::string why = fmt::format("cannot ask the kernel for connections: {}{}", std::strerror(errno),
                                      errno == EPERM || errno == EACCES ? ": run as root (sudo)" : "");
  if (errno == EINTR || errno == ENOBUFS) throw Interrupted(why);
  throw SystemError(why);
}

Socket open_bus(int bus) {
  Socket socket = open_netlink(bus);
  if (!socket) cannot_ask_for_flows();
  return socket;
}

// An IPv4 address that an IPv6 socket talks to is one of IPv4.
Network address(const void* bytes, bool ipv6) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto* from = static_cast<const std::uint8_t*>(bytes);
  if (ipv6 && std::equal(kMapped.begin(), kMapped.end(), from)) return address(from + 12, false);
  Network network;
  network.ipv6 = ipv6;
  network.prefix = ipv6 ? 128 : 32;
  std::copy_n(from, ipv6 ? 16 : 4, network.bytes.begin());
  return network;
}

// Takes all of something; nothing where the kernel has no such thing.
void take_all(const mnl_socket* socket, const nlmsghdr* request, const Take& take) {
  const auto each = [](const nlmsghdr* message, void* data) {
    (*static_cast<const Take*>(data))(message);
    return MNL_CB_OK;
  };
  auto* const data = const_cast<void*>(static_cast<const void*>(&take));
  const Dumped dumped = dump(socket, request, each, data);
  const bool changed_meanwhile = dumped == Dumped::refused && errno == EINTR;
  if (dumped == Dumped::lost || changed_meanwhile) cannot_ask_for_flows();
}

// ----- conntrack -----

using Attributes = std::array<const nlattr*, 32>;

int note_attribute(const nlattr* attribute, void* data) {
  auto& attributes = *static_cast<Attributes*>(data);
  if (libmnl().attr_get_type(attribute) < attributes.size())
    attributes[libmnl().attr_get_type(attribute)] = attribute;
  return MNL_CB_OK;
}

Attributes nested(const nlattr* attribute) {
  Attributes attributes{};
  if (attribute != nullptr) libmnl().attr_parse_nested(attribute, note_attribute, &attributes);
  return attributes;
}

Attributes attributes_of(const nlmsghdr* message) {
  Attributes all{};
  libmnl().attr_parse(message, sizeof(nfgenmsg), note_attribute, &all);
  return all;
}

// Of the packets that come by the one way: who sends them, and to where.
std::optional<Flow> read_tuple(const nlattr* attribute) {
  const Attributes tuple = nested(attribute);
  const Attributes ip = nested(tuple[CTA_TUPLE_IP]);
  const Attributes protocol = nested(tuple[CTA_TUPLE_PROTO]);
  const bool ipv6 = ip[CTA_IP_V6_SRC] != nullptr;
  const nlattr* const source = ip[ipv6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC];
  const nlattr* const target = ip[ipv6 ? CTA_IP_V6_DST : CTA_IP_V4_DST];
  if (source == nullptr || target == nullptr || protocol[CTA_PROTO_NUM] == nullptr ||
      protocol[CTA_PROTO_SRC_PORT] == nullptr || protocol[CTA_PROTO_DST_PORT] == nullptr) {
    return std::nullopt;
  }
  const std::uint8_t number = libmnl().attr_get_u8(protocol[CTA_PROTO_NUM]);
  if (number != IPPROTO_TCP && number != IPPROTO_UDP) return std::nullopt;
  return Flow{number == IPPROTO_TCP ? Protocol::tcp : Protocol::udp,
              address(libmnl().attr_get_payload(source), ipv6),
              ntohs(libmnl().attr_get_u16(protocol[CTA_PROTO_SRC_PORT])),
              address(libmnl().attr_get_payload(target), ipv6),
              ntohs(libmnl().attr_get_u16(protocol[CTA_PROTO_DST_PORT]))};
}

struct Tracked {
  Flow came;
  Flow delivered;  // another one where its destination was translated: its answers come from there
};

std::optional<Tracked> read_flow(const Attributes& all) {
  const auto came = read_tuple(all[CTA_TUPLE_ORIG]);
  if (!came) return std::nullopt;
  Tracked tracked{*came, *came};
  if (const auto back = read_tuple(all[CTA_TUPLE_REPLY])) {
    tracked.delivered.target = back->source;
    tracked.delivered.port = back->source_port;
  }
  return tracked;
}

// A TCP connection that was reset, refused or closed at both ends.
bool is_over(const Attributes& all) {
  const Attributes tcp = nested(nested(all[CTA_PROTOINFO])[CTA_PROTOINFO_TCP]);
  const nlattr* const state = tcp[CTA_PROTOINFO_TCP_STATE];
  if (state == nullptr) return false;
  const std::uint8_t number = libmnl().attr_get_u8(state);
  return number == TCP_CONNTRACK_TIME_WAIT || number == TCP_CONNTRACK_CLOSE;
}

bool is_offloaded(const Attributes& all) {
  constexpr std::uint32_t kOffloaded = 1U << 14 | 1U << 15;  // IPS_OFFLOAD, IPS_HW_OFFLOAD
  return all[CTA_STATUS] != nullptr && (ntohl(libmnl().attr_get_u32(all[CTA_STATUS])) & kOffloaded) != 0;
}

void dump_tracked(const std::function<void(const nlmsghdr*, const Attributes&)>& take) {
  const Socket socket = open_bus(NETLINK_NETFILTER);
  std::array<char, 512> buffer{};
  nlmsghdr* const request = put_request(buffer.data(), NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET,
                                        NLM_F_REQUEST | NLM_F_DUMP, AF_UNSPEC);
  take_all(socket.get(), request, [&](const nlmsghdr* message) { take(message, attributes_of(message)); });
}

void add_tracked(std::vector<Flow>& came, std::vector<Flow>& delivered) {
  dump_tracked([&](const nlmsghdr*, const Attributes& all) {
    if (is_over(all)) return;
    const auto flow = read_flow(all);
    if (!flow) return;
    came.push_back(flow->came);
    if (flow->delivered != flow->came) delivered.push_back(flow->delivered);
  });
}

// Many requests without an answer, in few system calls. That one fails because its thing
// is gone already is none of our business.
class Batch {
 public:
  explicit Batch(int bus) : socket_(open_bus(bus)) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() = default;

  char* next() {
    if (used_ + kLongest > buffer_.size()) send();
    return buffer_.data() + used_;
  }
  void put(const nlmsghdr* request) { used_ += NLMSG_ALIGN(request->nlmsg_len); }

  // After the last.
  void send() {
    if (used_ == 0) return;
    if (libmnl().socket_sendto(socket_.get(), buffer_.data(), used_) < 0) cannot_ask_for_flows();
    std::array<char, 4096> answer{};
    while (recv(libmnl().socket_get_fd(socket_.get()), answer.data(), answer.size(), MSG_DONTWAIT) > 0)
      continue;
    used_ = 0;
  }

 private:
  static constexpr std::size_t kLongest = 512;

  Socket socket_;
  std::vector<char> buffer_ = std::vector<char>(kBuffer);
  std::size_t used_ = 0;
};

void copy_attribute(nlmsghdr* request, const nlattr* attribute) {
  if (attribute == nullptr) return;
  libmnl().attr_put(request, attribute->nla_type, libmnl().attr_get_payload_len(attribute),
                    libmnl().attr_get_payload(attribute));
}

// By its id as well: what began anew with the same addresses is another one.
void forget_tracked(const std::vector<Flow>& sorted, Ending ending) {
  Batch batch(NETLINK_NETFILTER);
  dump_tracked([&](const nlmsghdr* message, const Attributes& all) {
    if (ending == Ending::offloaded && !is_offloaded(all)) return;
    const auto flow = read_flow(all);
    if (!flow || (!std::binary_search(sorted.begin(), sorted.end(), flow->came) &&
                  !std::binary_search(sorted.begin(), sorted.end(), flow->delivered))) {
      return;
    }
    const auto* general = static_cast<const nfgenmsg*>(libmnl().nlmsg_get_payload(message));
    nlmsghdr* const request = put_request(batch.next(), NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE,
                                          NLM_F_REQUEST, general->nfgen_family);
    for (const int part : {CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID}) {
      copy_attribute(request, all[static_cast<std::size_t>(part)]);
    }
    batch.put(request);
  });
  batch.send();
}

// ----- sockets -----

inet_diag_req_v2* put_socket_request(nlmsghdr* header, std::uint16_t type, std::uint16_t flags,
                                     std::uint8_t family) {
  header->nlmsg_type = type;
  header->nlmsg_flags = flags;
  auto* request =
      static_cast<inet_diag_req_v2*>(libmnl().nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
  request->sdiag_family = family;
  request->sdiag_protocol = IPPROTO_TCP;
  return request;
}

// A TCP socket that is somebody's end, and how the kernel knows it.
struct End {
  Flow flow;
  std::uint8_t family = 0;
  inet_diag_sockid id{};
};

std::vector<End> read_ends() {
  std::vector<End> ends;
  const Socket socket = open_bus(NETLINK_SOCK_DIAG);
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    std::array<char, 512> buffer{};
    nlmsghdr* header = libmnl().nlmsg_put_header(buffer.data());
    put_socket_request(header, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, family)->idiag_states =
        ~((1U << TCP_LISTEN) | (1U << TCP_TIME_WAIT) | (1U << TCP_CLOSE));
    take_all(socket.get(), header, [&](const nlmsghdr* message) {
      const auto* found = static_cast<const inet_diag_msg*>(libmnl().nlmsg_get_payload(message));
      const bool ipv6 = found->idiag_family == AF_INET6;
      ends.push_back({{Protocol::tcp, address(found->id.idiag_dst, ipv6), ntohs(found->id.idiag_dport),
                       address(found->id.idiag_src, ipv6), ntohs(found->id.idiag_sport)},
                      found->idiag_family,
                      found->id});
    });
  }
  return ends;
}

void close_sockets(const std::vector<Flow>& sorted) {
  Batch batch(NETLINK_SOCK_DIAG);
  for (const End& end : read_ends()) {
    if (!std::binary_search(sorted.begin(), sorted.end(), end.flow)) continue;
    nlmsghdr* const request = libmnl().nlmsg_put_header(batch.next());
    // With the cookie of this very socket: by addresses alone the kernel would settle for one that listens.
    // A kernel that cannot: what is severed is dropped all the same.
    put_socket_request(request, SOCK_DESTROY, NLM_F_REQUEST, end.family)->id = end.id;
    batch.put(request);
  }
  batch.send();
}

std::vector<Flow> ask_flows() {
  std::vector<Flow> flows, delivered, sockets;
  add_tracked(flows, delivered);
  std::sort(flows.begin(), flows.end());
  for (const End& end : read_ends()) sockets.push_back(end.flow);
  // A socket does not say who began; where conntrack says that this host did, it is nobody's way in.
  std::erase_if(sockets, [&](const Flow& flow) {
    const Flow reverse{flow.protocol, flow.target, flow.port, flow.source, flow.source_port};
    return std::binary_search(flows.begin(), flows.end(), reverse);
  });
  flows.insert(flows.end(), delivered.begin(), delivered.end());
  flows.insert(flows.end(), sockets.begin(), sockets.end());
  std::sort(flows.begin(), flows.end());
  flows.erase(std::unique(flows.begin(), flows.end()), flows.end());
  return flows;
}

}  // namespace

std::vector<Flow> read_flows() { return asked_again(ask_flows); }

void end_flows(const std::vector<Flow>& flows, Ending ending) {
  std::vector<Flow> sorted = flows;
  std::sort(sorted.begin(), sorted.end());
  asked_again([&] {
    if (ending == Ending::all) close_sockets(sorted);
    forget_tracked(sorted, ending);
  });
}

}  // namespace knockwork
