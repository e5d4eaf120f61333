#include "kernel/netlink/netlink.hpp"

#include <arpa/inet.h>
#include <endian.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "host/clocks.hpp"
#include "host/system_calls.hpp"
#include "knockwork/diagnostic.hpp"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71  // Linux 5.14; newer than the headers of some distributions
#endif

namespace knockwork {
namespace {

[[noreturn]] void cannot_ask() {
  switch (errno) {
    case EPERM:
    case EACCES:
      throw SystemError(
          "no permission to read nf_tables: run as root (sudo), or with the capability CAP_NET_ADMIN");
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
    case EINVAL:
      throw SystemError(
          "this kernel has no nf_tables: load the module (modprobe nf_tables) or boot a kernel that has it");
    default:
      cannot_read_nf_tables();
  }
}

Socket open_socket() {
  Socket socket = open_netlink(NETLINK_NETFILTER);
  if (!socket) cannot_ask();
  return socket;
}

// Zero on kernels without cookies: then the generation alone has to do, and it
// starts anew with every boot and differs from namespace to namespace.
std::uint64_t netns_cookie(const mnl_socket* socket) {
  std::uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  if (getsockopt(libmnl().socket_get_fd(socket), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0 &&
      errno != ENOPROTOOPT) {
    cannot_ask();
  }
  return cookie;
}

int take_number(const nlattr* attribute, void* data) {
  if (libmnl().attr_get_type(attribute) == NFTA_GEN_ID) {
    *static_cast<std::uint32_t*>(data) = ntohl(libmnl().attr_get_u32(attribute));
  }
  return MNL_CB_OK;
}

int take_generation(const nlmsghdr* header, void* data) {
  return libmnl().attr_parse(header, sizeof(nfgenmsg), take_number, data) < 0 ? MNL_CB_ERROR : MNL_CB_STOP;
}

int take_name(const nlattr* attribute, void* data) {
  if (libmnl().attr_get_type(attribute) == NFTA_TABLE_NAME &&
      libmnl().attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
    *static_cast<std::string*>(data) = libmnl().attr_get_str(attribute);
  return MNL_CB_OK;
}

int take_table(const nlmsghdr* header, void* data) {
  const auto* general = static_cast<const nfgenmsg*>(libmnl().nlmsg_get_payload(header));
  const char* family = nullptr;
  if (general->nfgen_family == NFPROTO_INET) family = "inet";
  if (general->nfgen_family == NFPROTO_IPV4) family = "ip";
  if (general->nfgen_family == NFPROTO_IPV6) family = "ip6";
  std::string name;
  if (family == nullptr || libmnl().attr_parse(header, sizeof(nfgenmsg), take_name, &name) < 0)
    return MNL_CB_OK;
  static_cast<std::vector<std::string>*>(data)->push_back(fmt::format("{} {}", family, name));
  return MNL_CB_OK;
}

std::uint32_t ask_generation(const mnl_socket* socket) {
  std::array<char, 8192> buffer{};
  const nlmsghdr* header =
      put_request(buffer.data(), NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NLM_F_REQUEST, AF_UNSPEC);
  if (libmnl().socket_sendto(socket, header, header->nlmsg_len) < 0) cannot_ask();
  const ssize_t length = libmnl().socket_recvfrom(socket, buffer.data(), buffer.size());
  std::uint32_t generation = 0;
  if (length < 0 || libmnl().cb_run(buffer.data(), static_cast<std::size_t>(length), 0,
                                    libmnl().socket_get_portid(socket), take_generation, &generation) < 0) {
    cannot_ask();
  }
  return generation;
}

// A handle, of the attribute that has it in the answers to one kind of question.
struct Handle {
  std::uint16_t attribute = 0;
  std::optional<std::uint64_t> value;
};

int take_handle(const nlattr* attribute, void* data) {
  auto* handle = static_cast<Handle*>(data);
  if (libmnl().attr_get_type(attribute) == handle->attribute &&
      libmnl().attr_validate(attribute, MNL_TYPE_U64) == 0)
    handle->value = be64toh(libmnl().attr_get_u64(attribute));
  return MNL_CB_OK;
}

int take_object(const nlmsghdr* header, void* data) {
  return libmnl().attr_parse(header, sizeof(nfgenmsg), take_handle, data) < 0 ? MNL_CB_ERROR : MNL_CB_STOP;
}

// Of a table, or of a set in it; nothing where there is none.
std::optional<std::uint64_t> ask_handle(const std::string& table, const std::string& set) {
  const Socket socket = open_socket();
  std::array<char, 8192> buffer{};
  nlmsghdr* header =
      put_request(buffer.data(), NFNL_SUBSYS_NFTABLES, set.empty() ? NFT_MSG_GETTABLE : NFT_MSG_GETSET,
                  NLM_F_REQUEST, NFPROTO_INET);
  static_assert(static_cast<int>(NFTA_TABLE_NAME) == static_cast<int>(NFTA_SET_TABLE));
  libmnl().attr_put_strz(header, NFTA_TABLE_NAME, table.c_str());
  if (!set.empty()) libmnl().attr_put_strz(header, NFTA_SET_NAME, set.c_str());
  if (libmnl().socket_sendto(socket.get(), header, header->nlmsg_len) < 0) cannot_ask();
  Handle handle{set.empty() ? std::uint16_t{NFTA_TABLE_HANDLE} : std::uint16_t{NFTA_SET_HANDLE},
                std::nullopt};
  const ssize_t length = libmnl().socket_recvfrom(socket.get(), buffer.data(), buffer.size());
  if (length < 0) cannot_ask();
  const int ended = libmnl().cb_run(buffer.data(), static_cast<std::size_t>(length), 0,
                                    libmnl().socket_get_portid(socket.get()), take_object, &handle);
  if (ended < 0 && errno == ENOENT) return std::nullopt;
  if (ended < 0) cannot_ask();
  return handle.value;
}

std::vector<std::string> ask_tables() {
  const Socket socket = open_socket();
  std::array<char, 1024> buffer{};
  const nlmsghdr* header = put_request(buffer.data(), NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE,
                                       NLM_F_REQUEST | NLM_F_DUMP, AF_UNSPEC);
  std::vector<std::string> tables;
  if (dump(socket.get(), header, take_table, &tables) != Dumped::all) cannot_ask();
  return tables;
}

}  // namespace

Socket open_netlink(int bus) {
  Socket socket(libmnl().socket_open(bus));
  if (!socket || libmnl().socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) == 0) return socket;
  const int why = errno;
  socket.reset();
  errno = why;
  return nullptr;
}

nlmsghdr* put_request(char* buffer, int subsystem, int message, int flags, int family) {
  nlmsghdr* header = libmnl().nlmsg_put_header(buffer);
  header->nlmsg_type = static_cast<std::uint16_t>((subsystem << 8) | message);
  header->nlmsg_flags = static_cast<std::uint16_t>(flags);
  auto* general = static_cast<nfgenmsg*>(libmnl().nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  general->nfgen_family = static_cast<std::uint8_t>(family);
  general->version = NFNETLINK_V0;
  return header;
}

Dumped dump(const mnl_socket* socket, const nlmsghdr* request, mnl_cb_t take, void* data) {
  if (libmnl().socket_sendto(socket, request, request->nlmsg_len) < 0) return Dumped::lost;
  std::array<char, 32768> buffer{};  // the kernel fills as much at once
  for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
    const ssize_t length = libmnl().socket_recvfrom(socket, buffer.data(), buffer.size());
    if (length < 0) return Dumped::lost;
    more = libmnl().cb_run(buffer.data(), static_cast<std::size_t>(length), request->nlmsg_seq,
                           libmnl().socket_get_portid(socket), take, data);
    if (more < 0) return Dumped::refused;
  }
  return Dumped::all;
}

void cannot_read_nf_tables() {
  const std::string why = fmt::format("cannot read nf_tables: {}", std::strerror(errno));
  if (errno == EINTR) throw Interrupted(why);
  throw SystemError(why);
}

Generation read_generation() {
  Generation generation;
  generation.boot = boot_id();
  asked_again([&] {
    const Socket socket = open_socket();
    generation.netns = netns_cookie(socket.get());
    generation.number = ask_generation(socket.get());
  });
  return generation;
}

std::string read_handles(std::string_view table, const std::vector<std::string_view>& sets) {
  const std::string name(table.substr(table.find(' ') + 1));
  std::string all =
      fmt::format("{} {}", boot_id(), asked_again([] { return netns_cookie(open_socket().get()); }));
  const auto add = [&](std::string_view set) {
    const auto handle = asked_again([&] { return ask_handle(name, std::string(set)); });
    if (handle) all += fmt::format(" {}", *handle);
    return handle.has_value();
  };
  return add("") && std::all_of(sets.begin(), sets.end(), add) ? all : std::string();
}

std::vector<std::string> read_tables() { return asked_again(ask_tables); }

}  // namespace knockwork
