// By netlink: the generation of the ruleset, which libnftables does not tell, and the names of tables, for
// which it would read all that is in them. And what all of this room asks with.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/libraries/libmnl.hpp"
#include "knockwork/kernel.hpp"

namespace knockwork {

// libmnl's, which closes itself.
struct SocketCloser {
  void operator()(mnl_socket* socket) const { libmnl().socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, SocketCloser>;

// Bound to a bus of netlink(7); null where that failed (errno).
Socket open_netlink(int bus);

// A request to a part of netfilter, NFNL_SUBSYS_…, in a buffer that has room for what is added to it.
nlmsghdr* put_request(char* buffer, int subsystem, int message, int flags, int family);

// What became of a question: `refused` by the kernel, or `lost` on the way (errno).
enum class Dumped { all, refused, lost };

// Asks, and hands every answer to `take`.
Dumped dump(const mnl_socket* socket, const nlmsghdr* request, mnl_cb_t take, void* data);

// Throws what errno says: Interrupted, or SystemError.
[[noreturn]] void cannot_read_nf_tables();

// Throws SystemError.
Generation read_generation();

// Of those that see packets for this host: "inet filter", "ip nat". Throws SystemError.
std::vector<std::string> read_tables();

// The handles of an inet table ("inet knockwork") and of some of its sets, with the boot and the network
// namespace: the kernel gives no handle twice. Empty where one of them is not there. Throws SystemError.
std::string read_handles(std::string_view table, const std::vector<std::string_view>& sets);

}  // namespace knockwork
