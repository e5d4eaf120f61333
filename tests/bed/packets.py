"""Packets for tests: knocks, hand-built headers, sweeps, probes.

Run inside a host: `host.call(packets.udp, …)`. A source of None
is the kernel's choice; the hand-built ones take any source. Ports are numbers; families follow
from the addresses. RFC 768 (UDP), RFC 9293 (TCP), RFC 1071 (checksum).
"""

import enum
import errno
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
TCP_FLAGS = {"syn": SYN, "ack": ACK, "fin": FIN, "null": 0, "xmas": FIN | PSH | URG, "syn-ack": SYN | ACK,
             "rst": RST, "syn-fin": SYN | FIN, "syn-rst": SYN | RST}


class Answer(str, enum.Enum):
    """What a port says to a stranger."""

    OPEN = "open"  # accepted, or echoed
    REFUSED = "refused"  # a reset, or ICMP port unreachable
    SILENT = "silent"  # nothing in time
    UNREACHABLE = "unreachable"  # another ICMP error, or no route


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _bound(kind: socket.SocketKind, target: str, source: str | None) -> socket.socket:
    handle = socket.socket(_family(target), kind)
    if source is not None:
        handle.bind((source, 0))
    return handle


def udp(target: str, ports: Iterable[int], source: str | None = None, gap: float = 0, times: int = 1,
        payload: bytes = b"") -> None:
    """One datagram (or `times`) to each port in order, `gap` seconds apart."""
    with _bound(socket.SOCK_DGRAM, target, source) as handle:
        for number, port in enumerate(ports):
            if number and gap:
                time.sleep(gap)
            for _ in range(times):
                handle.sendto(payload, (target, port))


def tcp(target: str, port: int, source: str | None = None, linger: float = 0.01) -> None:
    """One knock by connect(2): a SYN, given up after `linger` seconds at most."""
    with _bound(socket.SOCK_STREAM, target, source) as handle:
        handle.settimeout(linger)
        try:
            handle.connect((target, port))
        except OSError:
            pass


def probe_tcp(target: str, port: int, source: str | None = None, timeout: float = 0.3) -> Answer:
    """What connect(2) meets."""
    with _bound(socket.SOCK_STREAM, target, source) as handle:
        handle.settimeout(timeout)
        return _outcome(lambda: handle.connect((target, port)))


def probe_udp(target: str, port: int, source: str | None = None, timeout: float = 0.3,
              payload: bytes = b"hello") -> Answer:
    """Whether an echo service answers."""
    with _bound(socket.SOCK_DGRAM, target, source) as handle:
        handle.settimeout(timeout)
        handle.connect((target, port))

        def ask() -> None:
            handle.send(payload)
            handle.recv(2048)

        return _outcome(ask)


def probe(protocol: str, target: str, port: int, timeout: float = 0.3) -> Answer:
    """Whichever of the two it is."""
    if protocol == "tcp":
        return probe_tcp(target, port, None, timeout)
    return probe_udp(target, port, None, timeout)


def _outcome(action: Callable[[], object]) -> Answer:
    try:
        action()
    except ConnectionRefusedError:
        return Answer.REFUSED
    except TimeoutError:
        return Answer.SILENT
    except OSError as failure:
        if failure.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.ECONNRESET):
            return Answer.UNREACHABLE
        raise
    return Answer.OPEN


def sweep(target: str, ports: Sequence[int], protocol: str = "udp", source: str | None = None,
          per_second: int = 0) -> float:
    """A packet to every port in the given order, as fast as one core can or `per_second`; seconds taken."""
    start = time.monotonic()
    if protocol == "udp":
        with _bound(socket.SOCK_DGRAM, target, source) as handle:
            for number, port in enumerate(ports):
                _pace(start, number, per_second)
                handle.sendto(b"", (target, port))
    else:
        if source is None:
            raise ValueError("a TCP sweep is hand-built: name its source")
        with raw_socket(target) as handle:
            for number, port in enumerate(ports):
                _pace(start, number, per_second)
                segment = tcp_segment(source, target, 40000, port, SYN)
                handle.sendto(ip_packet(source, target, 6, segment), (target, 0))
    return time.monotonic() - start


def _pace(start: float, number: int, per_second: int) -> None:
    if per_second and number % 64 == 0:
        ahead = start + number / per_second - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


def udp_from_many(target: str, sources: Iterable[str], ports: Sequence[int]) -> None:
    """One hand-built datagram to each port from each of many sources."""
    with raw_socket(target) as handle:
        for source in sources:
            for port in ports:
                datagram = udp_datagram(source, target, 40000, port, b"")
                handle.sendto(ip_packet(source, target, 17, datagram), (target, 0))


def play(packets: Sequence[tuple[str, str, int, str]]) -> None:
    """Hand-built packets (source, target, port, "udp" or the flags by name), each from its own port."""
    handles = {target: raw_socket(target) for _, target, _, _ in packets}
    for number, (source, target, port, kind) in enumerate(packets):
        source_port = 1024 + number % 60000
        if kind == "udp":
            packet = ip_packet(source, target, 17, udp_datagram(source, target, source_port, port, b""))
        else:
            segment = tcp_segment(source, target, source_port, port, TCP_FLAGS[kind])
            packet = ip_packet(source, target, 6, segment)
        handles[target].sendto(packet, (target, 0))
    for handle in handles.values():
        handle.close()


def raw_tcp(target: str, port: int, flags: int, source: str, source_port: int = 40000, sequence: int = 1,
            acknowledge: int = 0, payload: bytes = b"") -> None:
    """One hand-built TCP segment with any flags and numbers."""
    segment = tcp_segment(source, target, source_port, port, flags, sequence, acknowledge, payload)
    with raw_socket(target) as handle:
        handle.sendto(ip_packet(source, target, 6, segment), (target, 0))


def raw_udp(target: str, port: int, source: str, source_port: int = 40000, payload: bytes = b"",
            traffic_class: int = 0) -> None:
    """One hand-built datagram; `traffic_class` is the TOS byte."""
    datagram = udp_datagram(source, target, source_port, port, payload)
    with raw_socket(target) as handle:
        handle.sendto(ip_packet(source, target, 17, datagram, traffic_class), (target, 0))


def cast_udp(target: str, port: int, source: str, interface: str = "eth0", payload: bytes = b"cast") -> None:
    """One datagram to a broadcast or multicast address, out of `interface`."""
    with socket.socket(_family(target), socket.SOCK_DGRAM) as handle:
        index = socket.if_nametoindex(interface)
        handle.bind((source, 0))
        if handle.family == socket.AF_INET:
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            request = struct.pack("4s4si", b"", b"", index)
            handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
            handle.sendto(payload, (target, port))
        else:
            handle.sendto(payload, (target, port, 0, index))


def raw_socket(target: str) -> socket.socket:
    """It takes whole IP packets of the target's family."""
    handle = socket.socket(_family(target), socket.SOCK_RAW, socket.IPPROTO_RAW)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    return handle


def _checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packed(address: str) -> bytes:
    return socket.inet_pton(_family(address), address)


def _pseudo(source: str, target: str, protocol: int, length: int) -> bytes:
    ends = _packed(source) + _packed(target)
    if ":" in target:
        return ends + struct.pack("!II", length, protocol)
    return ends + struct.pack("!BBH", 0, protocol, length)


def tcp_segment(source: str, target: str, source_port: int, port: int, flags: int, sequence: int = 1,
                acknowledge: int = 0, payload: bytes = b"") -> bytes:
    """A TCP segment with its checksum, without an IP header."""
    def header(checksum: int) -> bytes:
        fields = source_port, port, sequence, acknowledge, 5 << 4, flags, 64240, checksum, 0
        return struct.pack("!HHIIBBHHH", *fields) + payload

    return header(_checksum(_pseudo(source, target, 6, 20 + len(payload)) + header(0)))


def udp_datagram(source: str, target: str, source_port: int, port: int, payload: bytes) -> bytes:
    """A datagram with its checksum, without an IP header."""
    length = 8 + len(payload)

    def header(checksum: int) -> bytes:
        return struct.pack("!HHHH", source_port, port, length, checksum) + payload

    return header(_checksum(_pseudo(source, target, 17, length) + header(0)) or 0xFFFF)


def ip_packet(source: str, target: str, protocol: int, body: bytes, traffic_class: int = 0,
              flow_label: int = 0, identification: int = 0) -> bytes:
    """With an IP header, for a raw_socket()."""
    ends = _packed(source) + _packed(target)
    if ":" in target:
        first = 6 << 28 | traffic_class << 20 | flow_label
        return struct.pack("!IHBB", first, len(body), protocol, 64) + ends + body
    # The kernel fills in total length and checksum, and an identification of 0 (raw(7)).
    return struct.pack("!BBHHHBBH", 0x45, traffic_class, 0, identification, 0, 64, protocol, 0) + ends + body


def udp_fragments(target: str, port: int, payload: bytes, source: str, identification: int,
                  kept: Sequence[int]) -> None:
    """Of a datagram in IPv4 fragments of 16 bytes (the first has its UDP header and 8 bytes) those of these numbers."""
    body = udp_datagram(source, target, 40000, port, payload)
    pieces = [body[at:at + 16] for at in range(0, len(body), 16)]
    with raw_socket(target) as handle:
        for number in kept:
            more = 0x2000 if number + 1 < len(pieces) else 0
            packet = bytearray(ip_packet(source, target, 17, pieces[number], identification=identification))
            packet[6:8] = struct.pack("!H", more | number * 2)
            handle.sendto(bytes(packet), (target, 0))


def whole_ip_packet(source: str, target: str, protocol: int, body: bytes, traffic_class: int = 0,
                    flow_label: int = 0, identification: int = 0) -> bytes:
    """With everything in its IP header, for a link."""
    packet = ip_packet(source, target, protocol, body, traffic_class, flow_label, identification)
    if ":" in target:
        return packet
    header = packet[:2] + struct.pack("!H", len(packet)) + packet[4:20]
    return header[:10] + struct.pack("!H", _checksum(header)) + header[12:] + body
