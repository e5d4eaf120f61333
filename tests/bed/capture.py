"""One probe and the whole answer to it, byte for byte; runs inside a host (Host.call)."""

import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bed import packets

_IPV6 = 0x86DD
_IPV4 = 0x0800


@dataclass(frozen=True)
class Probe:
    """A TCP segment with `flags`, or a UDP datagram where they are None."""

    port: int
    flags: int | None
    traffic_class: int = 0  # the TOS byte
    flow_label: int = 0  # IPv6
    payload: bytes = b""


@dataclass(frozen=True)
class Reply:
    """An IP packet that answers a probe; what depends on the port or on chance is left out."""

    header: bytes  # without addresses, and without what is chance: identification and checksum
    labelled: bool  # IPv6: whether it has a flow label
    body: bytes  # TCP without ports and checksum; ICMP with what it quotes, the same left out


def ask(source: str, target: str, probes: Sequence[Probe], first_port: int, step: int = 1,
        timeout: float = 0.5) -> list[Reply | None]:
    """Send each probe from a source port of its own (`first_port`, + `step` …); the first answer to each.

    None where nothing answers within `timeout` seconds after the last probe.
    """
    six = ":" in target
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV6 if six else _IPV4)) as ears:
        ears.bind(("eth0", _IPV6 if six else _IPV4))
        ears.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        ports = [first_port + number * step for number in range(len(probes))]
        with packets.raw_socket(target) as mouth:
            for probe, port in zip(probes, ports):
                mouth.sendto(_packet(source, target, probe, port), (target, 0))
        replies: dict[tuple[int, int], Reply] = {}
        end = time.monotonic() + timeout
        wanted = {(port, probe.port) for probe, port in zip(probes, ports)}
        while wanted - replies.keys() and (left := end - time.monotonic()) > 0:
            ears.settimeout(left)
            try:
                packet, address = ears.recvfrom(65536)
            except TimeoutError:
                break
            if address[2] != socket.PACKET_OUTGOING:
                read = _read_six(packet, source, target) if six else _read_four(packet, source, target)
                if read:
                    replies.setdefault(*read)
    return [replies.get((port, probe.port)) for probe, port in zip(probes, ports)]


def _packet(source: str, target: str, probe: Probe, port: int) -> bytes:
    if probe.flags is None:
        protocol, body = 17, packets.udp_datagram(source, target, port, probe.port, probe.payload)
    else:
        protocol = 6
        body = packets.tcp_segment(source, target, port, probe.port, probe.flags, 77, 99, probe.payload)
    return packets.ip_packet(source, target, protocol, body, probe.traffic_class, probe.flow_label)


def _read_four(packet: bytes, source: str, target: str) -> tuple[tuple[int, int], Reply] | None:
    if packet[12:20] != socket.inet_aton(target) + socket.inet_aton(source):
        return None
    length = (packet[0] & 15) * 4
    header = _without_chance(packet[:length])
    ports, body = _body(packet[9], packet[length:], 8, 1)
    return ports and (ports, Reply(header, False, body))


def _read_six(packet: bytes, source: str, target: str) -> tuple[tuple[int, int], Reply] | None:
    ends = socket.inet_pton(socket.AF_INET6, target) + socket.inet_pton(socket.AF_INET6, source)
    if packet[8:40] != ends:
        return None
    first = struct.unpack("!I", packet[:4])[0]
    header = struct.pack("!I", first & ~0xFFFFF) + packet[4:8]
    ports, body = _body(packet[6], packet[40:], 8, 58)
    return ports and (ports, Reply(header, bool(first & 0xFFFFF), body))


def _without_chance(header: bytes) -> bytes:
    """An IPv4 header without identification, checksum and addresses."""
    return header[:4] + header[6:10] + header[20:]


def _body(protocol: int, body: bytes, quoted_at: int, icmp: int) -> tuple[tuple[int, int] | None, bytes]:
    """(our port, the probed port), and the rest."""
    if protocol == 6:
        theirs, ours = struct.unpack("!HH", body[:4])
        return (ours, theirs), body[4:16] + body[18:]
    if protocol == icmp and body[:1] in (b"\x03", b"\x01"):  # destination unreachable, either family
        quoted = body[quoted_at:]
        length = (quoted[0] & 15) * 4 if icmp == 1 else 40
        ours, theirs = struct.unpack("!HH", quoted[length:length + 4])
        inner = _without_chance(quoted[:length]) if icmp == 1 else quoted[:8]
        return (ours, theirs), body[:2] + body[4:quoted_at] + inner + quoted[length + 4:length + 6]
    return None, b""
