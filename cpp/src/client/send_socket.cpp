#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {

// One byte carries it, as OpenSSH's mm_receive_fd() expects (monitor_fdpass.c).
void send_socket(const Socket& socket, int channel) {
  const int number = socket.number();
  char byte = '\0';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof number)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof number);
  std::memcpy(CMSG_DATA(header), &number, sizeof number);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(channel, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent == 1) return;
  const int error = errno;
  throw SystemError(
      error == ENOTSOCK
          ? std::string(
                "standard output is not a socket, so the connection cannot be passed over it: --fdpass is "
                "for ssh's `ProxyUseFdpass yes`")
          : fmt::format("cannot pass the connection: {}", std::strerror(error)));
}

}  // namespace knockwork
