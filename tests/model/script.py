"""Random scripts: what many sources send, and when."""

import hashlib
import ipaddress
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from bed.lab import BROADCAST, SERVER
from bed.packets import ACK, FIN, RST, SYN, TCP_FLAGS
from model.declaration import Declaration, Sequence, covers
from model.neighbour import Neighbour, Translation, any_neighbour

DURATION = 1.5  # seconds
_ODD_FLAGS = (*TCP_FLAGS.values(), SYN | FIN | RST, FIN | ACK, RST | ACK, SYN | TCP_FLAGS["xmas"])
_SOURCE_PORTS = (20000, 45000, 60000)  # from between the first two on: seldom meets what a trial left
ALL_NODES = "ff02::1"
BEHIND = ("10.88.0.0/16", "fd88::/64")  # routed by the server
OWN = (SERVER[0], "10.77.0.11", SERVER[1], "fd77::11")  # the server's
LINK_LOCAL = ("fe80::a:1", "fe80::a:2", "fe80::b:1")  # callers of the link
_ENDS = ((), (RST,), (FIN | ACK,), (RST | ACK,), (FIN | ACK, ACK), (FIN | ACK, RST))
_ADDRESSES = (*OWN, "10.88.0.6", "10.88.0.7", "10.88.0.20", "10.88.1.1", "fd88::7", "fd88::20")


@lru_cache(maxsize=None)
def is_routed(address: str) -> bool:
    """Whether the server sends it on."""
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in BEHIND)


@dataclass(frozen=True)
class Token:
    """The payload of a packet: a token, or what is none."""

    sequence: str
    number: int  # from 1
    spoiled: str = ""  # "shifted", "short", "wrong"
    padding: int = 0  # bytes behind it

    @property
    def key(self) -> bytes:
        """What the kernel knows it by. Some begin with zeros, which listings leave out."""
        drawn = hashlib.sha256(f"{self.sequence} {self.number}".encode()).digest()[:16]
        return bytes(self.number % 3) + drawn[self.number % 3:]

    @property
    def payload(self) -> bytes:
        """All of it."""
        whole = {"shifted": b"\0" + self.key, "short": self.key[:15], "wrong": bytes([self.key[0] ^ 1]) + self.key[1:],
                 "": self.key}[self.spoiled]
        return whole + random.Random(self.number).randbytes(self.padding if self.spoiled != "short" else 0)


@dataclass(frozen=True)
class Packet:
    """One packet and its nominal time, in seconds from the script's start."""

    at: float
    source: str
    port: int
    protocol: str
    flags: int = SYN  # of TCP alone
    cast: bool = False  # to the link's broadcast or all-nodes address; UDP alone
    source_port: int = 0
    look: bool = False  # read the kernel's sets after this one
    to: str = ""  # an address; the server's first
    begun_there: bool = False  # the server's side sent a packet the other way, before the script
    forged: bool = False  # just before, the source sent a packet the other way in the server's side's name
    token: Token | None = None  # what it carries; UDP alone
    form: str = ""  # a rare one, of forms.py

    @property
    def address(self) -> str:
        """Where it goes."""
        six = ":" in self.source
        if self.cast:
            return ALL_NODES if six else BROADCAST
        return self.to or SERVER[six]

    @property
    def flow(self) -> "Flow":
        """What conntrack tells it by, among those of its protocol."""
        return self.source, self.source_port, self.address, self.port


def is_syn(packet: Packet) -> bool:
    """Whether it begins a TCP connection."""
    return packet.protocol == "tcp" and packet.flags & (FIN | SYN | RST | ACK) == SYN


Flow = tuple[str, int, str, int]


@dataclass(frozen=True)
class Script:
    """Packets in the order of their times. With `dirty` they bear a mark and a priority before the gate."""

    packets: tuple[Packet, ...]
    dirty: bool
    neighbour: Neighbour = Neighbour()

    @cached_property
    def begun_there(self) -> frozenset[Flow]:
        """The flows of datagrams that the server's side began."""
        return frozenset(packet.flow for packet in self.packets if packet.begun_there)

    def way(self, packet: Packet, ways: Iterable[Translation]) -> Translation | None:
        """By which of these a packet goes, where conntrack believes that it began its connection."""
        target = f"{packet.port}/{packet.protocol}"
        if packet.cast or packet.address not in SERVER or packet.flow in self.begun_there:
            return None
        return next((way for way in ways if way.target == target), None)

    def delivered(self, packet: Packet) -> Packet:
        """As a packet is when a neighbour has led it in."""
        way = self.way(packet, self.neighbour.ways_in)
        return replace(packet, port=way.port, to=way.to[":" in packet.source]) if way else packet


def any_script(dice: random.Random, declaration: Declaration) -> Script:
    """Every source follows a course of its own; merged by time."""
    first, latest, end = _SOURCE_PORTS
    ports = iter(range(dice.randrange(first, latest), end))
    packets: list[Packet] = []
    sources = _any_sources(dice)
    neighbour = any_neighbour(dice, declaration, sources)
    for source in sources:
        packets += _Course(dice, declaration, neighbour, source, lambda: next(ports)).packets
    packets.sort(key=lambda packet: packet.at)
    for place in dice.sample(range(len(packets)), 3):
        packets[place] = replace(packets[place], look=True)
    return Script(tuple(packets), dice.random() < 0.5, neighbour)


def _any_sources(dice: random.Random) -> list[str]:
    """IPv4 and IPv6; pairs within a /64 and a /56; one of each that may be always allowed."""
    low = dice.randrange(1, 200)
    return [*(f"10.200.{low}.{host}" for host in range(1, dice.randint(5, 8))), "10.200.255.7",
            *(f"fd99:0:0:{low + net + net // 2 * 256:x}::{host}"
              for net in range(1, 4) for host in (1, 2)),
            f"fd99:0:0:{low:x}::1", "fd99:0:0:ff::7", *dice.sample(LINK_LOCAL, 2)]


class _Course:
    """What one source does: sequences played well and badly, probes, strays, and waits about each timeout."""

    def __init__(self, dice: random.Random, declaration: Declaration, neighbour: Neighbour, source: str,
                 next_port: Callable[[], int]) -> None:
        self._dice = dice
        self._declaration = declaration
        self._neighbour = neighbour
        self._source = source
        self._on_link = source in LINK_LOCAL
        self._next_port = next_port
        self._now = dice.random() * 0.2
        self._flows: dict[tuple[str, str], int] = {}  # address and port → latest source port
        self.packets: list[Packet] = []
        acts = (self._play, self._play, self._play, self._play, self._stray, self._lock_out, self._odd,
                self._begin_again, self._forge, self._go_round)
        while self._now < DURATION:
            dice.choice(acts)()
            self._now += dice.choice((0.001, 0.01, 0.05, dice.random() * 0.15))

    def _send(self, target: str, flags: int = SYN, to: str = "", source_port: int = 0,
              begun_there: bool = False, forged: bool = False) -> None:
        port, _, protocol = target.partition("/")
        if not to and self._dice.random() < 0.03:
            to = self._any_address()
        cast = (protocol == "udp" and not (source_port or begun_there or forged or self._on_link)
                and self._dice.random() < 0.03)
        packet = Packet(self._now, self._source, int(port), protocol, flags, cast,
                        source_port or self._next_port(), to=to, begun_there=begun_there, forged=forged)
        self.packets.append(packet)
        self._now += self._dice.choice((0, 0, 0.001, 0.004))
        while self._dice.random() < 0.12:  # a duplicate, or another try
            again = self._next_port() if self._dice.random() < 0.3 else packet.source_port
            self.packets.append(replace(packet, at=self._now, source_port=again))

    def _wait_about(self, milliseconds: int) -> None:
        self._now += max(0.0, milliseconds / 1000 + self._dice.choice((-0.06, -0.045, 0.04, 0.05, 0.1)))

    def _play(self) -> None:
        """A sequence, mostly in order and in time, then what it opens."""
        sequence = self._dice.choice(self._declaration.sequences)
        knocks = list(sequence.knock)
        care = min(1, 4 / len(knocks))  # long ones come to their end now and then, too
        if len(knocks) > 1 and self._dice.random() < 0.06:
            at = self._dice.randrange(len(knocks) - 1)
            knocks[at], knocks[at + 1] = knocks[at + 1], knocks[at]
        for number, knock in enumerate(knocks):
            if number and self._dice.random() < 0.12 * care:
                self._wait_about(sequence.step_timeout)
            if self._dice.random() < 0.04 * care:
                self._send(self._any_target())
            if self._dice.random() > 0.03 * care:  # else lost
                self._send(knock)
        self._probe(sequence)
        if self._dice.random() < (0.6 if sequence.cut else 0.3):
            self._wait_about(sequence.open_for)
            self._go_on(sequence)
            self._probe(sequence)

    def _probe(self, sequence: Sequence) -> None:
        services = [*sequence.opens, self._dice.choice(sorted(self._declaration.services))]
        for service in self._dice.sample(services, self._dice.randint(1, len(services))):
            to = self._address_of(sequence if service in sequence.opens else None)
            self._talk(self._port_of(service), to)

    def _talk(self, target: str, to: str) -> None:
        """A beginning, or more of what began before; sometimes what the other side began."""
        if target.endswith("/udp") and not self._on_link and self._dice.random() < 0.05:
            self._send(target, to=to, source_port=self._next_port(), begun_there=True)
            return
        known = self._flows.get((to, target), 0)
        going_on = known if self._dice.random() < 0.6 else 0
        flags = ACK if going_on and self._dice.random() < 0.7 else SYN
        self._send(target, flags, to, going_on)
        self._flows[to, target] = self.packets[-1].source_port
        if not going_on and self._dice.random() < 0.5:
            self._now += 0.003  # for an answer
            self._send(target, ACK, to, self._flows[to, target])

    def _go_on(self, sequence: Sequence) -> None:
        """The connections to what the sequence opens."""
        for (to, target), source_port in list(self._flows.items()):
            port, _, protocol = target.partition("/")
            if any(covers(service, int(port), protocol) for service in sequence.opens):
                self._send(target, ACK, to, source_port)

    def _address_of(self, sequence: Sequence | None) -> str:
        """One at which the sequence opens; where it opens none of the family, or now and then, any."""
        if self._dice.random() < 0.1:
            return self._any_address()
        if sequence is None or not sequence.to:
            return ""
        fitting = [address for address in self._addresses()
                   if any(_lies_in(address, network) for network in sequence.to)]
        return self._dice.choice(fitting or self._addresses())

    def _any_address(self) -> str:
        return self._dice.choice(self._addresses())

    def _addresses(self) -> list[str]:
        return [address for address in _ADDRESSES if (":" in address) == (":" in self._source)
                and not (self._on_link and is_routed(address))]

    def _stray(self) -> None:
        for _ in range(self._dice.randint(1, 4)):
            self._send(self._any_target())

    def _odd(self) -> None:
        """TCP that opens nothing, or looks as if it could."""
        target = self._any_target()
        self._send(target.replace("udp", "tcp"), self._dice.choice(_ODD_FLAGS))

    def _begin_again(self) -> None:
        """A connection that ends, or seems to, and another from the same port."""
        flows = [flow for flow in self._flows if flow[1].endswith("/tcp")]
        if not flows:
            return
        to, target = self._dice.choice(flows)
        source_port = self._flows[to, target]
        for flags in self._dice.choice(_ENDS):
            self._send(target, flags, to, source_port)
        for flags in self._dice.choice(((SYN,), (SYN, ACK), (SYN, SYN, ACK))):
            self._send(target, flags, to, source_port)

    def _forge(self) -> None:
        """What conntrack takes for answers: the source itself spoke in the name of the server's side."""
        if self._on_link:
            return
        target = self._any_target()
        if self._dice.random() < 0.5:
            target = self._port_of(self._dice.choice(sorted(self._declaration.services)))
        to = self._any_address() if self._dice.random() < 0.3 else ""
        self._send(target, self._dice.choice((SYN, SYN, ACK, SYN | ACK)), to, self._next_port(), forged=True)
        for _ in range(self._dice.randint(0, 2)):
            self._send(target, self._dice.choice((SYN, ACK)), to, self.packets[-1].source_port)

    def _go_round(self) -> None:
        """By a neighbour's translations, or where it announced us."""
        ways = [way.target for way in (*self._neighbour.ways_in, *self._neighbour.ways_out)
                if not (self._on_link and is_routed(way.to[1]))]
        if self._source in self._neighbour.to:
            ways.append(self._neighbour.announced)
        for target in self._dice.sample(ways, self._dice.randint(0, len(ways))):
            for _ in range(self._dice.randint(1, 3)):
                self._talk(target, "")

    def _lock_out(self) -> None:
        """A neighbour of a knock port, a knock, and the same about the lockout's end."""
        knock = self._dice.choice(sorted(self._declaration.knocks))
        port, _, protocol = knock.partition("/")
        self._send(f"{min(65535, max(1, int(port) + self._dice.choice((-1, 1))))}/{protocol}")
        self._send(knock)
        if self._dice.random() < 0.6:
            self._wait_about(self._declaration.lockout_time)

    def _any_target(self) -> str:
        port, _, protocol = self._dice.choice(sorted(self._declaration.knocks)).partition("/")
        beside = min(65535, max(1, int(port) + self._dice.choice((-2, -1, 1, 2))))
        services = sorted(self._declaration.services) + list(self._declaration.public)
        return self._dice.choice((
            f"{port}/{protocol}", f"{port}/{self._dice.choice(('udp', 'tcp'))}", f"{beside}/{protocol}",
            self._port_of(self._dice.choice(services)), self._dice.choice(("80/tcp", "8002/udp", "9/udp"))))

    def _port_of(self, service: str) -> str:
        ports, _, protocol = service.partition("/")
        first, _, last = ports.partition("-")
        beyond = self._dice.random() < 0.05  # a range's end is a place for mistakes
        return f"{self._dice.randint(int(first), int(last or first)) + beyond}/{protocol}"


def _lies_in(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)
