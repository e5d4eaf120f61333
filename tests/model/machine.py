"""What the reference machine says of the same packets, and what must be in the sets by its word."""

import hashlib
import json
import math
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bed.cli import binary
from bed.packets import ACK, FIN, PSH, RST, SYN, URG
from model.declaration import Declaration, Sequence
from model.script import Packet, is_routed

_FLAGS = {"fin": FIN, "syn": SYN, "rst": RST, "psh": PSH, "ack": ACK, "urg": URG}
_EXCUSED = ("a late copy of a correct knock", "the source is locked out: the knock is in order")
_CLAIM, _TOKEN_MEMORY = 60, 1800  # seconds
Reply = dict[str, Any]
Pause = tuple[str, frozenset[str]]  # of whom, and at which doors


def line(packet: Packet, milliseconds: int, state: str, reply: bool = False, ours: bool = False) -> str:
    """A packet as a trace reads it. `reply`: conntrack takes it for one; `ours`: and that is true."""
    words = [f"{milliseconds}ms", packet.source, f"{packet.port}/{packet.protocol}"]
    if packet.token and not packet.token.spoiled:
        words.append(f"token={packet.token.sequence}:{packet.token.number}")
    if packet.protocol == "tcp":
        words.append(",".join(name for name, bit in _FLAGS.items() if packet.flags & bit) or "null")
    words.append(f"to={packet.address}")
    if packet.cast:
        words.append("multicast" if ":" in packet.source else "broadcast")
    elif is_routed(packet.address):
        words.append("unicast")
    return " ".join([*words, state, *(["reply"] if reply else []), *(["ours"] if ours else [])])


def trace(declaration: Declaration, lines: Iterable[str]) -> list[Reply]:
    """The machine's replies. Raises CalledProcessError where `knockwork trace` refuses them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "knockwork.yml")
        file.write_text(declaration.text(), encoding="utf-8")
        done = subprocess.run([binary(), "trace", file, "--packets", "-", "--json"],
                              input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True)
    replies: list[Reply] = json.loads(done.stdout)
    return replies


def family(source: str) -> str:
    """The digit that ends the names of its sets."""
    return "6" if ":" in source else "4"


@dataclass
class State:
    """Each set's elements and when they expire, put together from the replies. Expired ones stay."""

    declaration: Declaration
    edges: dict[tuple[str, int], int]  # sequence and step → number
    named: frozenset[str]  # ports that the table names one by one, as "7000/udp"
    sets: dict[str, dict[str, float]] = field(default_factory=dict)  # as in observer.Look, but times
    pauses: dict[Pause, float] = field(default_factory=dict)  # of renewals: `prolong`

    def until(self, name: str, element: str) -> float:
        """When it expires, or expired; 0 where it never was."""
        return self.sets.get(name, {}).get(element, 0)

    def take(self, packet: Packet, now: float, reply: Reply) -> None:
        """A packet's effects. Where grants compete, the name that sorts first has the last word."""
        digit = family(packet.source)
        by_name = {sequence.name: sequence for sequence in self.declaration.sequences}
        granted = set()
        for sequence in sorted((by_name[name] for name in reply["renewed"]), key=lambda one: (one.open_for, one.name)):
            self._grant(packet.source, sequence, now + sequence.renewed_for / 1000)
        if reply["why"].startswith(_EXCUSED):
            for sequence, step in self._following(packet, now):
                self._excuse(packet, sequence, (step, step + 1), now)
        for fired in reversed(reply["fired"]):
            sequence = by_name[fired["sequence"]]
            if not self._is_repetition(sequence, fired["step"]):
                self._excuse(packet, sequence, (fired["step"],), now)
            if fired["step"] == 1 and sequence.sequence_timeout:
                for later in range(2, fired["of"] + 1):
                    self._set(f"begun{digit}", self.expected(packet.source, sequence.name, later),
                              now + sequence.sequence_timeout / 1000)
            if fired["step"] < fired["of"]:
                self._set(f"expected{digit}", self.expected(packet.source, sequence.name, fired["step"] + 1),
                          now + sequence.step_timeout / 1000)
                continue
            if sequence.closes:
                self._close(packet.source, by_name[sequence.closes], now)
                continue
            if not self._spend(sequence):
                continue
            self._grant(packet.source, sequence, now + sequence.open_for / 1000)
            granted |= {*sequence.opens}
        if reply["token_used"] and packet.token:
            for name, seconds in (("claimed", _CLAIM), ("used", _TOKEN_MEMORY)):
                self._set(name, f"0x{int.from_bytes(packet.token.key, 'big'):x}", now + seconds)
        if granted != set(reply["granted"]):
            raise AssertionError(f"a trace grants {reply['granted']}, its sequences {sorted(granted)}")
        if reply["locked_out"] == "source":
            until = now + self.declaration.lockout_time / 1000
            self._set(self.lockouts(packet) + digit, self.declaration.lockout_key(packet.source), until)
        elif reply["locked_out"] == "family":
            raise AssertionError("a script without enough room: this model does not follow it")

    def _close(self, source: str, sequence: Sequence, now: float) -> None:
        if self.until(f"holders{family(source)}", self.expected(source, sequence.name, sequence.steps)) > now:
            self._grant(source, sequence, now)

    def _grant(self, source: str, sequence: Sequence, until: float) -> None:
        self._set(f"holders{family(source)}", self.expected(source, sequence.name, sequence.steps), until)
        for service in sequence.opens:
            self._set(*self.grant(source, sequence, service), until)

    def pauses_of(self, packet: Packet) -> Iterator[tuple[Pause, list[tuple[Sequence, str]]]]:
        """What a packet of a connection asks before it renews a grant."""
        for group in self.declaration.used_at(packet.address, packet.port, packet.protocol, is_routed(packet.address)):
            name = frozenset(f"{service} {sequence.to}" for sequence, service in group)
            yield (self.declaration.source_key(packet.source), name), group

    def use(self, packet: Packet, now: float) -> None:
        """A packet of a connection, after which use renews nothing for a while."""
        for key, group in self.pauses_of(packet):
            granted = any(self.until(*self.grant(packet.source, *one)) > now for one in group)
            if granted and self.pauses.get(key, 0) <= now:
                pause = min(sequence.pause for sequence, _ in group if sequence.prolong)
                self.pauses[key] = now + pause / 1000

    def _following(self, packet: Packet, now: float) -> list[tuple[Sequence, int]]:
        """The steps, from 1, of which this packet is a late copy, or which come next during a lockout."""
        target = f"{packet.port}/{packet.protocol}"
        return [(sequence, step) for sequence in self.declaration.sequences
                if sequence.is_for(packet.source)
                for step, knock in enumerate(sequence.knock, 1)
                if knock == target and (step == 1 or self.until(
                    f"excused{family(packet.source)}",
                    self.expected(packet.source, sequence.name, step)) > now)]

    def _excuse(self, packet: Packet, sequence: Sequence, steps: Iterable[int], now: float) -> None:
        if not self.declaration.locks:
            return
        for step in steps:
            if step <= sequence.steps:
                self._set(f"excused{family(packet.source)}",
                          self.expected(packet.source, sequence.name, step), now + self.declaration.longest_excuse)

    def _is_repetition(self, sequence: Sequence, step: int) -> bool:
        """Of the knock that spent a sequence."""
        return sequence.once and step == sequence.steps and bool(
            self.until("spent", self.last_edge(sequence)))

    def lockouts(self, packet: Packet) -> str:
        """Which sets note that this packet was wrong: stealth has others for ports that nobody named."""
        return "locked" if f"{packet.port}/{packet.protocol}" in self.named else "strays"

    def _set(self, name: str, element: str, until: float) -> None:
        self.sets.setdefault(name, {})[element] = until

    def _spend(self, sequence: Sequence) -> bool:
        """False where it was spent before, and this is a duplicate of the knock that did it."""
        if not sequence.once:
            return True
        fresh = not self.until("spent", self.last_edge(sequence))
        self._set("spent", self.last_edge(sequence), math.inf)
        return fresh

    def last_edge(self, sequence: Sequence) -> str:
        """The element of `spent`."""
        return self._edge(sequence.name, sequence.steps)

    def _edge(self, sequence: str, step: int) -> str:
        number = self.edges[sequence, step]
        return f"{number >> 16:x}:{number & 0xffff:x}"

    def expected(self, source: str, sequence: str, step: int) -> str:
        """The element of `expected`, `begun` and `holders`."""
        return f"{self.declaration.source_key(source)} . {self._edge(sequence, step)}"

    def grant(self, source: str, sequence: Sequence, service: str) -> tuple[str, str]:
        """A set and its element: what a grant of a service is."""
        key = self.declaration.source_key(source)
        if sequence.to:
            return f"reached{family(source)}", f"{key} . {_door(service, sequence.to)}"
        ports, _, protocol = service.partition("/")
        first, _, last = ports.partition("-")
        number = 6 if protocol == "tcp" else 17
        if not last:
            return f"granted{family(source)}", f"{key} . {number} . {first}"
        return f"ranged{family(source)}", f"{key} . {number} . 0x{int(first) << 16 | int(last):08x}"


def _door(service: str, to: tuple[str, ...]) -> str:
    """A service at some addresses, as two marks."""
    digest = hashlib.sha256(" ".join((service, *to)).encode()).hexdigest()
    return f"0x{digest[:8]} . 0x{digest[8:16]}"
