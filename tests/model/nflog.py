"""What a table logs by nflog, as a host's agent hears it. See linux/netfilter/nfnetlink_log.h."""

import socket
import struct
from collections.abc import Iterator, Sequence

_NETFILTER = 12  # the protocol of netlink
_LOG = 4  # the subsystem
_PACKET, _CONFIG = 0, 1  # messages
_COMMAND, _MODE, _THRESHOLD = 1, 2, 5  # attributes of a configuration …
_MARK, _PAYLOAD, _PREFIX = 2, 9, 10  # … and of a packet
_BIND, _COPY_PACKET = 1, 2
_REQUEST_AND_ANSWER = 5
Entry = tuple[int, str, int, int]  # group, prefix, mark, bytes of the packet


def listen(groups: Sequence[int]) -> int:
    """A descriptor for `heard`."""
    handle = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    for group in groups:
        for attribute in (struct.pack("=HHB3x", 5, _COMMAND, _BIND),
                          struct.pack("=HH", 10, _MODE) + struct.pack(">IB3x", 0xffff, _COPY_PACKET),
                          struct.pack("=HH", 8, _THRESHOLD) + struct.pack(">I", 1)):  # at once
            body = struct.pack(">BBH", 0, 0, group) + attribute
            handle.send(struct.pack("=IHHII", 16 + len(body), _LOG << 8 | _CONFIG, _REQUEST_AND_ANSWER, 0, 0) + body)
            failed: int = struct.unpack_from("=i", handle.recv(4096), 16)[0]
            if failed:
                raise OSError(-failed, f"nobody listens to group {group}")
    handle.setblocking(False)
    return handle.detach()


def heard(descriptor: int) -> list[Entry]:
    """All that has come, and no more of it."""
    with socket.socket(fileno=descriptor) as handle:
        found: list[Entry] = []
        while True:
            try:
                found += _entries(handle.recv(1 << 16))
            except BlockingIOError:
                return found


def _entries(data: bytes) -> Iterator[Entry]:
    while data:
        length, kind = struct.unpack_from("=IH", data)
        if kind == _LOG << 8 | _PACKET:
            fields = dict(_attributes(data[20:length]))
            mark = int.from_bytes(fields.get(_MARK, b""), "big")
            yield (struct.unpack_from(">H", data, 18)[0], fields.get(_PREFIX, b"").rstrip(b"\0").decode(), mark,
                   len(fields.get(_PAYLOAD, b"")))
        data = data[(length + 3) & ~3:]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & 0x7fff, data[4:length]
        data = data[(length + 3) & ~3:]
