#include "kernel/netlink/commits.hpp"

#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <vector>

#include "kernel/netlink/netlink.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The table's name is the first attribute of every kind of object (linux/netfilter/nf_tables.h).
static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 &&
              NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1 && NFTA_FLOWTABLE_TABLE == 1);

int is_our_name(const nlattr* attribute, void* found) {
  if (libmnl().attr_get_type(attribute) != NFTA_TABLE_NAME) return MNL_CB_OK;
  const std::string_view value(static_cast<const char*>(libmnl().attr_get_payload(attribute)),
                               libmnl().attr_get_payload_len(attribute));
  constexpr std::string_view kName = kTable.substr(kTable.find(' ') + 1);
  *static_cast<bool*>(found) = value.substr(0, value.find('\0')) == kName;
  return MNL_CB_STOP;
}

[[noreturn]] void cannot_watch() {
  if (errno == EPERM || errno == EACCES) {
    throw SystemError(
        "no permission to listen to nftables: run as root (sudo), or with the capability CAP_NET_ADMIN");
  }
  throw SystemError(fmt::format("cannot listen to nftables: {}", std::strerror(errno)));
}

class Notified final : public Commits {
 public:
  Notified() : socket_(libmnl().socket_open(NETLINK_NETFILTER)), buffer_(kBuffer) {
    int group = NFNLGRP_NFTABLES;
    if (!socket_ || libmnl().socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
        libmnl().socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
      cannot_watch();
  }

  // What came meanwhile is taken as well: one look at the table answers for all of it.
  bool wait(milliseconds longest) override {
    const auto end = steady_clock::now() + longest;
    bool ours = false;
    for (auto left = longest; !ours;
         left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now())) {
      if (!waiting(std::max(left, milliseconds(0)))) return false;
      ours = read_one();
    }
    while (waiting(milliseconds(0))) read_one();
    return true;
  }

 private:
  static constexpr std::size_t kBuffer = 1U << 16;

  // A signal ends the wait as well.
  bool waiting(milliseconds longest) const {
    pollfd one{libmnl().socket_get_fd(socket_.get()), POLLIN, 0};
    return ::poll(&one, 1, static_cast<int>(longest.count())) > 0;
  }

  // Whether it may have been ours: what was lost may.
  bool read_one() {
    const ssize_t length = libmnl().socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (length < 0 && errno == EINTR) return false;
    if (length < 0 && (errno == ENOBUFS || errno == ENOSPC)) return true;
    if (length < 0) cannot_watch();
    int left = static_cast<int>(length);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data());
         libmnl().nlmsg_ok(header, left); header = libmnl().nlmsg_next(header, &left)) {
      if (is_about_ours({reinterpret_cast<const std::byte*>(header), header->nlmsg_len})) return true;
    }
    return false;
  }

  Socket socket_;
  std::vector<char> buffer_;
};

}  // namespace

bool is_about_ours(std::span<const std::byte> message) {
  constexpr std::size_t kHead = sizeof(nlmsghdr) + sizeof(nfgenmsg);
  const auto* header = reinterpret_cast<const nlmsghdr*>(message.data());
  if (message.size() < kHead || header->nlmsg_len < kHead || header->nlmsg_len > message.size()) return false;
  if (header->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || (header->nlmsg_type & 0xff) == NFT_MSG_NEWGEN)
    return false;
  if (static_cast<const nfgenmsg*>(libmnl().nlmsg_get_payload(header))->nfgen_family != NFPROTO_INET)
    return false;
  bool found = false;
  return libmnl().attr_parse(header, sizeof(nfgenmsg), is_our_name, &found) >= 0 && found;
}

std::unique_ptr<Commits> open_commits() { return std::make_unique<Notified>(); }

}  // namespace knockwork
