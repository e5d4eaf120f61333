// A socket of libmnl that closes itself.
#pragma once

#include <libmnl/libmnl.h>

#include <memory>

namespace knockwork {

struct SocketCloser {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, SocketCloser>;

}  // namespace knockwork
