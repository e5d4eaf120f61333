"""Makes conntrack forget, without a program for it. See linux/netfilter/nfnetlink_conntrack.h."""

import socket
import struct

_NETFILTER = 12  # the protocol of netlink
_CONNECTIONS, _EXPECTATIONS = 1, 2
_DELETE = 2
_REQUEST_AND_ANSWER = 5


def forget() -> None:
    """Every connection and every expectation of this host."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as handle:
        for what in (_CONNECTIONS, _EXPECTATIONS):
            handle.send(struct.pack("=IHHIIBBH", 20, what << 8 | _DELETE, _REQUEST_AND_ANSWER, 0, 0, 0, 0, 0))
            failed: int = struct.unpack_from("=i", handle.recv(4096), 16)[0]
            if failed:
                raise OSError(-failed, "conntrack forgets nothing")
