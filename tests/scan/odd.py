"""Odd packets, as frames: what a scanner sends that no stack does. RFC 791, 8200, 768, 9293.

Each kind is a function from (ends, source port, port) to the frames of one probe. A frame of None is a pause.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bed.packets import _checksum, _packed, _pseudo, tcp_segment, udp_datagram

TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))


@dataclass(frozen=True)
class Ends:
    """Whose frames these are. `second` is another address of the target; no broadcast address for IPv6."""

    source: str
    target: str
    second: str
    broadcast: str
    source_mac: bytes
    target_mac: bytes

    @property
    def six(self) -> bool:
        """Whether it is about IPv6."""
        return ":" in self.target


Frames = Iterable[bytes | None]
Kind = Callable[[Ends, int, int], Frames]
KINDS: dict[str, tuple[str, str, Kind]] = {}  # name → protocol, families, how it is made


def _kind(protocol: str, families: str = "46") -> Callable[[Kind], Kind]:
    def keep(made: Kind) -> Kind:
        KINDS[made.__name__] = (protocol, families, made)
        return made
    return keep


def frame(ends: Ends, packet: bytes, mac: bytes | None = None) -> bytes:
    """On the wire, to the target's MAC address or another."""
    return (mac or ends.target_mac) + ends.source_mac + (b"\x86\xdd" if ends.six else b"\x08\x00") + packet


def four(ends: Ends, protocol: int, body: bytes, to: str = "", ttl: int = 64, tos: int = 0, options: bytes = b"",
         number: int = 0, fragment: int = 0) -> bytes:
    """An IPv4 packet."""
    length = 20 + len(options)

    def header(checksum: int) -> bytes:
        return struct.pack("!BBHHHBBH", 4 << 4 | length // 4, tos, length + len(body), number, fragment, ttl, protocol,
                           checksum) + _packed(ends.source) + _packed(to or ends.target) + options

    return header(_checksum(header(0))) + body


def six(ends: Ends, protocol: int, body: bytes, to: str = "", limit: int = 64, traffic_class: int = 0,
        label: int = 0) -> bytes:
    """An IPv6 packet; `protocol` is the first header after it."""
    first = 6 << 28 | traffic_class << 20 | label
    return (struct.pack("!IHBB", first, len(body), protocol, limit) + _packed(ends.source)
            + _packed(to or ends.target) + body)


def packet(ends: Ends, protocol: int, body: bytes, to: str = "", hops: int = 64, traffic_class: int = 0,
           label: int = 0) -> bytes:
    """Of either family."""
    if ends.six:
        return six(ends, protocol, body, to, hops, traffic_class, label)
    return four(ends, protocol, body, to, hops, traffic_class)


def plain(ends: Ends, protocol: int, body: bytes, **fields: object) -> Frames:
    """One frame with one packet."""
    return [frame(ends, packet(ends, protocol, body, **fields))]  # type: ignore[arg-type]


def datagram(ends: Ends, source: int, port: int, payload: bytes = b"abcd", to: str = "") -> bytes:
    """With the checksum of whatever address it goes to."""
    return udp_datagram(ends.source, to or ends.target, source, port, payload)


def _with_length(ends: Ends, source: int, port: int, length: int, payload: bytes = b"abcd") -> bytes:
    """A datagram that claims another length than it has."""
    def built(checksum: int) -> bytes:
        return struct.pack("!HHHH", source, port, length, checksum) + payload

    return built(_checksum(_pseudo(ends.source, ends.target, UDP, 8 + len(payload)) + built(0)) or 0xFFFF)


def segment(ends: Ends, source: int, port: int, flags: int = SYN, payload: bytes = b"", options: bytes = b"",
            sequence: int = 77, acknowledge: int = 0, offset: int | None = None, urgent: int = 0, reserved: int = 0,
            to: str = "") -> bytes:
    """A segment with any field of its header."""
    words = 5 + len(options) // 4 if offset is None else offset
    body = options + payload

    def built(checksum: int) -> bytes:
        return struct.pack("!HHIIBBHHH", source, port, sequence, acknowledge, words << 4 | reserved << 1, flags, 8192,
                           checksum, urgent) + body

    return built(_checksum(_pseudo(ends.source, to or ends.target, TCP, 20 + len(body)) + built(0)))


# Datagrams.

@_kind("udp")
def u_plain(ends: Ends, source: int, port: int) -> Frames:
    """The control."""
    return plain(ends, UDP, datagram(ends, source, port))


@_kind("udp")
def u_empty(ends: Ends, source: int, port: int) -> Frames:
    """No payload."""
    return plain(ends, UDP, datagram(ends, source, port, b""))


@_kind("udp")
def u_long(ends: Ends, source: int, port: int) -> Frames:
    """A payload that an ICMP error does not quote whole."""
    return plain(ends, UDP, datagram(ends, source, port, b"z" * 1200))


@_kind("udp")
def u_without_checksum(ends: Ends, source: int, port: int) -> Frames:
    """Allowed by IPv4, not by IPv6."""
    return plain(ends, UDP, struct.pack("!HHHH", source, port, 12, 0) + b"abcd")


@_kind("udp")
def u_bad_checksum(ends: Ends, source: int, port: int) -> Frames:
    """Broken on its way."""
    return plain(ends, UDP, struct.pack("!HHHH", source, port, 12, 0x1234) + b"abcd")


@_kind("udp")
def u_trailing(ends: Ends, source: int, port: int) -> Frames:
    """Bytes behind its own end, inside the packet's."""
    return plain(ends, UDP, datagram(ends, source, port) + b"TRAILING")


@_kind("udp")
def u_length_7(ends: Ends, source: int, port: int) -> Frames:
    """Shorter than a header."""
    return plain(ends, UDP, _with_length(ends, source, port, 7))


@_kind("udp")
def u_length_100(ends: Ends, source: int, port: int) -> Frames:
    """Longer than the packet."""
    return plain(ends, UDP, _with_length(ends, source, port, 100))


@_kind("udp")
def u_length_0(ends: Ends, source: int, port: int) -> Frames:
    """As jumbograms have it."""
    return plain(ends, UDP, _with_length(ends, source, port, 0))


@_kind("udp")
def u_four_bytes(ends: Ends, source: int, port: int) -> Frames:
    """Ports and nothing else."""
    return plain(ends, UDP, struct.pack("!HH", source, port))


@_kind("udp")
def u_six_bytes(ends: Ends, source: int, port: int) -> Frames:
    """No checksum field."""
    return plain(ends, UDP, struct.pack("!HHH", source, port, 8))


@_kind("udp")
def u_second_address(ends: Ends, source: int, port: int) -> Frames:
    """Another address of this host: the answer must come from it."""
    return plain(ends, UDP, datagram(ends, source, port, to=ends.second), to=ends.second)


@_kind("udp", "4")
def u_broadcast_in_unicast(ends: Ends, source: int, port: int) -> Frames:
    """The network's broadcast address, in a frame to this host alone."""
    return plain(ends, UDP, datagram(ends, source, port, to=ends.broadcast), to=ends.broadcast)


@_kind("udp", "4")
def u_limited_broadcast(ends: Ends, source: int, port: int) -> Frames:
    """255.255.255.255, likewise."""
    everyone = "255.255.255.255"
    return plain(ends, UDP, datagram(ends, source, port, to=everyone), to=everyone)


@_kind("udp")
def u_multicast_in_unicast(ends: Ends, source: int, port: int) -> Frames:
    """All hosts, likewise."""
    group = "ff02::1" if ends.six else "224.0.0.1"
    return plain(ends, UDP, datagram(ends, source, port, to=group), to=group)


@_kind("udp", "4")
def u_broadcast(ends: Ends, source: int, port: int) -> Frames:
    """As programs broadcast."""
    whole = packet(ends, UDP, datagram(ends, source, port, to=ends.broadcast), to=ends.broadcast)
    return [frame(ends, whole, b"\xff" * 6)]


@_kind("udp")
def u_unicast_in_broadcast(ends: Ends, source: int, port: int) -> Frames:
    """This host's address, in a frame to all."""
    return [frame(ends, packet(ends, UDP, datagram(ends, source, port)), b"\xff" * 6)]


@_kind("udp")
def u_last_hop(ends: Ends, source: int, port: int) -> Frames:
    """TTL 1."""
    return plain(ends, UDP, datagram(ends, source, port), hops=1)


@_kind("udp", "4")
def u_no_hop(ends: Ends, source: int, port: int) -> Frames:
    """TTL 0."""
    return plain(ends, UDP, datagram(ends, source, port), hops=0)


@_kind("udp")
def u_traffic_class(ends: Ends, source: int, port: int) -> Frames:
    """All bits but ECN's."""
    return plain(ends, UDP, datagram(ends, source, port), traffic_class=0xFC)


# What a port for tokens may get. All but the last six are right, each once.
TOKENS = {name: hashlib.sha256(name.encode()).digest()[:16] for name in ("alone", "padded", "long", "longest")}
_PAYLOADS = {"alone": TOKENS["alone"], "again": TOKENS["alone"], "padded": TOKENS["padded"] + b"x",
             "long": TOKENS["long"] + bytes(100), "longest": TOKENS["longest"] + bytes(496),
             "wrong": bytes(range(16)), "wrong_long": bytes(512), "shifted": b"x" + TOKENS["alone"],
             "short": TOKENS["alone"][:15], "two": TOKENS["alone"] + TOKENS["padded"], "one_byte": b"x"}


def _token(payload: bytes) -> Kind:
    def made(ends: Ends, source: int, port: int) -> Frames:
        return plain(ends, UDP, datagram(ends, source, port, payload))
    return made


for _name, _payload in _PAYLOADS.items():
    KINDS[f"u_token_{_name}"] = ("udp", "46", _token(_payload))


def _record_route() -> bytes:
    return bytes((7, 11, 4)) + bytes(8) + b"\0"


OPTIONS = {"record_route": _record_route(), "timestamp": bytes((68, 12, 9, 1)) + bytes(8), "nop": bytes((1,) * 4),
           "router_alert": bytes((148, 4, 0, 0)), "unknown": b"\x99\x20\0\0",
           "source_route": bytes((131, 7, 8)) + bytes((10, 77, 0, 10)) + b"\0"}


def _optional(name: str, protocol: int) -> Kind:
    def made(ends: Ends, source: int, port: int) -> Frames:
        body = datagram(ends, source, port) if protocol == UDP else segment(ends, source, port)
        return [frame(ends, four(ends, protocol, body, options=OPTIONS[name]))]
    return made


for _name in OPTIONS:
    KINDS[f"u_option_{_name}"] = ("udp", "4", _optional(_name, UDP))
for _name in ("record_route", "timestamp"):
    KINDS[f"t_option_{_name}"] = ("tcp", "4", _optional(_name, TCP))


def _fragments(ends: Ends, protocol: int, body: bytes, size: int, number: int) -> Frames:
    for start in range(0, len(body), size):
        more = 0x2000 if start + size < len(body) else 0
        yield frame(ends, four(ends, protocol, body[start:start + size], number=number, fragment=more | start // 8))


@_kind("udp", "4")
def u_fragments(ends: Ends, source: int, port: int) -> Frames:
    """Of 48 bytes."""
    return _fragments(ends, UDP, datagram(ends, source, port, b"q" * 200), 48, source)


@_kind("udp", "4")
def u_tiny_fragments(ends: Ends, source: int, port: int) -> Frames:
    """Of 8 bytes."""
    return _fragments(ends, UDP, datagram(ends, source, port, b"q" * 16), 8, source)


@_kind("udp", "6")
def u_fragments_6(ends: Ends, source: int, port: int) -> Frames:
    """Of 1232 bytes."""
    body = datagram(ends, source, port, b"q" * 2000)
    for start in range(0, len(body), 1232):
        more = int(start + 1232 < len(body))
        header = struct.pack("!BBHI", UDP, 0, start | more, source)
        yield frame(ends, six(ends, 44, header + body[start:start + 1232]))


def _extended(name: str, number: int, header: Callable[[int], bytes], protocol: int, times: int = 1) -> None:
    """A kind with an extension header (its number, and how it is made from the number of what follows)."""
    def made(ends: Ends, source: int, port: int) -> Frames:
        body = datagram(ends, source, port) if protocol == UDP else segment(ends, source, port)
        for left in range(times):
            body = header(protocol if left == 0 else number) + body
        return [frame(ends, six(ends, number, body))]

    letter, word = ("u", "udp") if protocol == UDP else ("t", "tcp")
    KINDS[f"{letter}_{name}"] = (word, "6", made)


_NINE = bytes.fromhex("fd770000000000000000000000000009")
for _protocol in (UDP, TCP):
    _extended("atomic_fragment", 44, lambda after: struct.pack("!BBHI", after, 0, 0, 99), _protocol)
    _extended("hop_by_hop", 0, lambda after: bytes((after, 0, 1, 4, 0, 0, 0, 0)), _protocol)
    _extended("destination_options", 60, lambda after: bytes((after, 0, 1, 4, 0, 0, 0, 0)), _protocol)
    _extended("routing_0", 43, lambda after: bytes((after, 2, 0, 0, 0, 0, 0, 0)) + _NINE, _protocol)
_extended("eight_destination_options", 60, lambda after: bytes((after, 0, 1, 4, 0, 0, 0, 0)), UDP, 8)
_extended("unknown_destination_option", 60, lambda after: bytes((after, 0, 0x9E, 4, 0, 0, 0, 0)), UDP)
_extended("routing_4", 43, lambda after: bytes((after, 2, 4, 0, 0, 0, 0, 0)) + _NINE, UDP)
_extended("home_address", 60, lambda after: bytes((after, 2, 1, 2, 0, 0, 0xC9, 16)) + _NINE[:-1] + b"\x77", TCP)


# Segments. First what differs from a SYN in its own header alone.

_MD5 = bytes((19, 18)) + b"0123456789abcdef" + b"\1\1"
_TYPICAL = (bytes((2, 4, 5, 0xB4, 4, 2, 8, 10)) + struct.pack("!II", 5, 0) + bytes((1, 3, 3, 7)))
SEGMENTS: dict[str, dict[str, object]] = {
    "t_syn": {}, "t_syn_data": {"payload": b"data"},
    "t_syn_fast_open": {"options": bytes((34, 10)) + b"12345678" + b"\1\1", "payload": b"data"},
    "t_syn_typical": {"options": _TYPICAL}, "t_syn_reserved": {"reserved": 7},
    "t_syn_psh_urg": {"flags": SYN | PSH | URG, "urgent": 5}, "t_syn_ecn": {"flags": SYN | ECE | CWR},
    "t_syn_acknowledge": {"acknowledge": 999}, "t_syn_last_sequence": {"sequence": 0xFFFFFFFF},
    "t_syn_unknown_option": {"options": bytes((253, 8, 1, 2, 3, 4, 5, 6))},
    "t_syn_bad_option": {"options": bytes((2, 13)) + bytes(range(1, 11))},
    "t_offset_4": {"offset": 4}, "t_offset_15": {"offset": 15}, "t_syn_md5": {"options": _MD5},
    "t_ack_md5": {"flags": ACK, "acknowledge": 5, "options": _MD5},
    "t_ack_timestamp": {"flags": ACK, "acknowledge": 9, "options": bytes((1, 1, 8, 10)) + struct.pack("!II", 5, 6)},
}


def _segment(fields: dict[str, object]) -> Kind:
    def made(ends: Ends, source: int, port: int) -> Frames:
        return plain(ends, TCP, segment(ends, source, port, **fields))  # type: ignore[arg-type]
    return made


for _name, _fields in SEGMENTS.items():
    KINDS[_name] = ("tcp", "46", _segment(_fields))


def _series(*steps: dict[str, object]) -> Kind:
    """Segments with a pause between them, with a traffic class that an answer may echo."""
    def made(ends: Ends, source: int, port: int) -> Frames:
        for number, fields in enumerate(steps):
            if number:
                yield None
            body = segment(ends, source, port, **fields)  # type: ignore[arg-type]
            yield frame(ends, packet(ends, TCP, body, traffic_class=0x10, label=0x54321 if ends.six else 0))
    return made


_ACK: dict[str, object] = {"flags": ACK, "acknowledge": 9}
SERIES: dict[str, tuple[dict[str, object], ...]] = {
    "t_syn_traffic_class": ({},), "t_syn_three_times": ({}, {}, {}), "t_syn_rst_syn": ({}, {"flags": RST}, {}),
    "t_syn_ack_syn": ({}, _ACK, {}), "t_syn_ack": ({**_ACK, "flags": SYN | ACK},),
    "t_ack_data": ({**_ACK, "flags": PSH | ACK, "payload": b"xx"},), "t_fin_ack": ({**_ACK, "flags": FIN | ACK},),
    "t_md5_then_syn": ({"options": _MD5}, {}), "t_ack_md5_then_syn": ({**_ACK, "options": _MD5}, {}),
}
for _name, _steps in SERIES.items():
    KINDS[_name] = ("tcp", "46", _series(*_steps))


@_kind("tcp")
def t_bad_checksum(ends: Ends, source: int, port: int) -> Frames:
    """Broken on its way."""
    whole = segment(ends, source, port)
    return plain(ends, TCP, whole[:16] + b"\x11\x11" + whole[18:])


@_kind("tcp")
def t_eight_bytes(ends: Ends, source: int, port: int) -> Frames:
    """Ports and sequence number, nothing else."""
    return plain(ends, TCP, struct.pack("!HHI", source, port, 1))


@_kind("tcp")
def t_second_address(ends: Ends, source: int, port: int) -> Frames:
    """Another address of this host."""
    return plain(ends, TCP, tcp_segment(ends.source, ends.second, source, port, SYN), to=ends.second)


@_kind("tcp", "4")
def t_broadcast_in_unicast(ends: Ends, source: int, port: int) -> Frames:
    """The network's broadcast address, in a frame to this host alone."""
    return plain(ends, TCP, tcp_segment(ends.source, ends.broadcast, source, port, SYN), to=ends.broadcast)


@_kind("tcp", "4")
def t_limited_broadcast(ends: Ends, source: int, port: int) -> Frames:
    """255.255.255.255, likewise."""
    everyone = "255.255.255.255"
    return plain(ends, TCP, tcp_segment(ends.source, everyone, source, port, SYN), to=everyone)


@_kind("tcp")
def t_multicast_in_unicast(ends: Ends, source: int, port: int) -> Frames:
    """All hosts, likewise."""
    group = "ff02::1" if ends.six else "224.0.0.1"
    return plain(ends, TCP, tcp_segment(ends.source, group, source, port, SYN), to=group)


@_kind("tcp")
def t_unicast_in_broadcast(ends: Ends, source: int, port: int) -> Frames:
    """This host's address, in a frame to all."""
    return [frame(ends, packet(ends, TCP, segment(ends, source, port)), b"\xff" * 6)]


@_kind("tcp")
def t_last_hop(ends: Ends, source: int, port: int) -> Frames:
    """TTL 1."""
    return plain(ends, TCP, segment(ends, source, port), hops=1)


@_kind("tcp", "4")
def t_fragments(ends: Ends, source: int, port: int) -> Frames:
    """Of 24 bytes."""
    return _fragments(ends, TCP, segment(ends, source, port, payload=b"q" * 64), 24, source)


@_kind("tcp", "4")
def t_tiny_fragments(ends: Ends, source: int, port: int) -> Frames:
    """Of 8 bytes."""
    return _fragments(ends, TCP, segment(ends, source, port, payload=b"q" * 64), 8, source)
