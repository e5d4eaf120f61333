"""Send odd packets to several ports, and take down all that comes back; runs inside a host."""

import socket
import struct
import time

from scan.odd import KINDS, Ends

_PAUSE = 0.02
_UNREACHABLE = (1, 3)  # ICMPv6's and ICMP's types of errors that quote begin here


def answers(ends: Ends, name: str, ports: list[int], first: int, patience: float = 0.15) -> list[list[bytes]]:
    """One probe to each port, from a source port of its own; for each, the answers without what is the port's
    or chance's (ports, identification, checksums)."""
    _, _, made = KINDS[name]
    probes = [list(made(ends, first + number, port)) for number, port in enumerate(ports)]
    found: list[list[bytes]] = [[] for _ in ports]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        wire.bind(("eth0", 3))
        for step in zip(*probes):
            if step[0] is None:
                time.sleep(_PAUSE)
                continue
            for one in step:
                wire.send(one)
        end = time.monotonic() + patience
        while (left := end - time.monotonic()) > 0:
            wire.settimeout(left)
            try:
                data, address = wire.recvfrom(65536)
            except TimeoutError:
                break
            if address[2] == socket.PACKET_OUTGOING or data[6:12] != ends.target_mac:
                continue
            said = _six(data[14:]) if ends.six else _four(data[14:])
            if said is not None and 0 <= said[0] - first < len(ports):
                found[said[0] - first].append(said[1])
    return found


def _four(data: bytes) -> tuple[int, bytes] | None:
    if data[:1] != b"E" and data[0] >> 4 != 4:
        return None
    length = (data[0] & 15) * 4
    header = data[:4] + data[6:10] + data[12:length]
    return _above(data[9], header, data[length:])


def _six(data: bytes) -> tuple[int, bytes] | None:
    if data[0] >> 4 != 6:
        return None
    first = struct.unpack("!I", data[:4])[0]
    header = struct.pack("!I?", first & ~0xFFFFF, bool(first & 0xFFFFF)) + data[4:40]
    return _above(data[6], header, data[40:])


def _above(protocol: int, header: bytes, body: bytes) -> tuple[int, bytes] | None:
    """(our port, all that may be compared) of an answer."""
    if protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        at = 16 if protocol == socket.IPPROTO_TCP else 6
        ours: int = struct.unpack("!H", body[2:4])[0]
        return ours, header + body[4:at] + body[at + 2:]
    if protocol == socket.IPPROTO_ICMP and body[0] in (3, 11, 12):
        return _quoted(header + body[:2] + body[4:8], body[8:], (body[8] & 15) * 4, body[8 + 9])
    if protocol == socket.IPPROTO_ICMPV6 and body[0] in (1, 2, 3, 4):
        start, after = _beyond_extensions(body[8:])
        return _quoted(header + body[:2] + body[4:8], body[8:], start, after)
    return None


def _beyond_extensions(packet: bytes) -> tuple[int, int]:
    after, start = packet[6], 40
    while after in (0, 43, 44, 60):
        size = 8 if after == 44 else 8 + packet[start + 1] * 8
        after, start = packet[start], start + size
    return start, after


def _quoted(said: bytes, packet: bytes, start: int, protocol: int) -> tuple[int, bytes] | None:
    if len(packet) < start + 4:
        return None
    ours: int = struct.unpack("!H", packet[start:start + 2])[0]
    kept = bytearray(packet[:start] + packet[start + 4:])
    if packet[0] >> 4 == 4:
        kept[4:6] = kept[10:12] = b"\0\0"
    check = start + (12 if protocol == socket.IPPROTO_TCP else 2)
    kept[check:check + 2] = b""
    return ours, said + bytes(kept)
