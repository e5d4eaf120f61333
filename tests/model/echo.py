"""UDP echo from whatever address was asked, in threads of a host's agent: connections need answers."""

import socket
import struct
import threading
from collections.abc import Sequence

_LISTENING: list[socket.socket] = []  # until the host ends
_IP_PKTINFO = 8  # linux/in.h; Python 3.11 does not name it


def serve(ports: Sequence[int]) -> None:
    """Echo on these ports, IPv4 and IPv6, until the host ends."""
    for port in ports:
        for handle in (_bound(socket.AF_INET, port), _bound(socket.AF_INET6, port)):
            threading.Thread(target=_echo, args=(handle,), daemon=True).start()


def listen_at(protocol: str, port: int, addresses: Sequence[str]) -> None:
    """Be there, at these addresses alone, and say nothing."""
    for address in addresses:
        handle = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                               socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
        handle.bind((address, port))
        if protocol == "tcp":
            handle.listen()
        _LISTENING.append(handle)


def _bound(family: socket.AddressFamily, port: int) -> socket.socket:
    handle = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET:
        handle.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    handle.bind(("", port))
    return handle


def _echo(handle: socket.socket) -> None:
    while True:
        try:
            data, information, _, source = handle.recvmsg(2048, 256)
            handle.sendmsg([data], [(level, kind, _answering(level, value))
                                    for level, kind, value in information], 0, source)
        except OSError:  # an ICMP error of an earlier echo, or no answer from such an address
            pass


def _answering(level: int, value: bytes) -> bytes:
    """The destination of what came, as the source of what goes (ip(7), RFC 3542)."""
    if level == socket.IPPROTO_IP:
        _, _, address = struct.unpack("=I4s4s", value)
        return struct.pack("=I4s4s", 0, address, bytes(4))
    return value[:16] + bytes(4)
