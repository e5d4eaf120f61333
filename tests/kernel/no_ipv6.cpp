// A library that lets no IPv6 socket be opened, as under `ipv6.disable=1` or RestrictAddressFamilies=.
#include <dlfcn.h>
#include <sys/socket.h>

#include <cerrno>

extern "C" int socket(int family, int type, int protocol) noexcept {
  if (family == AF_INET6) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  using Socket = int (*)(int, int, int);
  static const auto next =
      reinterpret_cast<Socket>(dlsym(RTLD_NEXT, "socket"));  // NOLINT: as dlsym(3) has it
  return next(family, type, protocol);
}
