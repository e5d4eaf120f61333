"""Random scripts: what many sources send, and when."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from bed.packets import ACK, FIN, RST, SYN, TCP_FLAGS
from model.declaration import Declaration, Sequence

DURATION = 1.5  # seconds
_ODD_FLAGS = (*TCP_FLAGS.values(), SYN | FIN | RST, FIN | ACK, RST | ACK, SYN | TCP_FLAGS["xmas"])
_FIRST_SOURCE_PORT = 20000


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


@dataclass(frozen=True)
class Script:
    """Packets in the order of their times. With `dirty` they bear a mark and a priority before the gate."""

    packets: tuple[Packet, ...]
    dirty: bool


def any_script(dice: random.Random, declaration: Declaration) -> Script:
    """Every source follows a course of its own; merged by time."""
    ports = iter(range(_FIRST_SOURCE_PORT, 60000))
    packets: list[Packet] = []
    for source in _any_sources(dice):
        packets += _Course(dice, declaration, source, lambda: next(ports)).packets
    packets.sort(key=lambda packet: packet.at)
    for place in dice.sample(range(len(packets)), 3):
        packets[place] = replace(packets[place], look=True)
    return Script(tuple(packets), dirty=dice.random() < 0.5)


def _any_sources(dice: random.Random) -> list[str]:
    """IPv4 and IPv6; pairs within a /64; one of each that may be always allowed."""
    low = dice.randrange(1, 200)
    return [*(f"10.200.{low}.{host}" for host in range(1, dice.randint(5, 8))), "10.200.255.7",
            *(f"fd99:0:0:{low + net:x}::{host}" for net in range(1, 4) for host in (1, 2)),
            f"fd99:0:0:{low:x}::1", "fd99:0:0:ff::7"]


class _Course:
    """What one source does: sequences played well and badly, probes, strays, and waits about each timeout."""

    def __init__(self, dice: random.Random, declaration: Declaration, source: str,
                 next_port: Callable[[], int]) -> None:
        self._dice = dice
        self._declaration = declaration
        self._source = source
        self._next_port = next_port
        self._now = dice.random() * 0.2
        self.packets: list[Packet] = []
        acts = (self._play, self._play, self._play, self._play, self._stray, self._lock_out, self._odd)
        while self._now < DURATION:
            dice.choice(acts)()
            self._now += dice.choice((0.001, 0.01, 0.05, dice.random() * 0.15))

    def _send(self, target: str, flags: int = SYN) -> None:
        port, _, protocol = target.partition("/")
        cast = protocol == "udp" and self._dice.random() < 0.03
        packet = Packet(self._now, self._source, int(port), protocol, flags, cast, self._next_port())
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
        if len(knocks) > 1 and self._dice.random() < 0.06:
            at = self._dice.randrange(len(knocks) - 1)
            knocks[at], knocks[at + 1] = knocks[at + 1], knocks[at]
        for number, knock in enumerate(knocks):
            if number and self._dice.random() < 0.12:
                self._wait_about(sequence.step_timeout)
            if self._dice.random() < 0.04:
                self._send(self._any_target())
            if self._dice.random() > 0.03:  # else lost
                self._send(knock)
        self._probe(sequence)
        if self._dice.random() < 0.3:
            self._wait_about(sequence.open_for)
            self._probe(sequence)

    def _probe(self, sequence: Sequence) -> None:
        services = [*sequence.opens, self._dice.choice(sorted(self._declaration.services))]
        for service in self._dice.sample(services, self._dice.randint(1, len(services))):
            self._send(self._port_of(service))

    def _stray(self) -> None:
        for _ in range(self._dice.randint(1, 4)):
            self._send(self._any_target())

    def _odd(self) -> None:
        """TCP that opens nothing, or looks as if it could."""
        target = self._any_target()
        self._send(target.replace("udp", "tcp"), self._dice.choice(_ODD_FLAGS))

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
