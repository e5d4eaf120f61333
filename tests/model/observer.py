"""What the kernel did with each packet: a table of the test's own beside knockwork's, and both read back.

Hooks before and after the gate and at the answers note the packets' serial numbers in sets. The first also
notes the packet's conntrack state, and by its element's age the time of arrival.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bed import Lab
from bed.table import Block, Table, parse
from model.sender import serial

_FOREVER = 3600  # seconds; long enough that an age tells the time of arrival
_MARK = f"{{ meta mark timeout {_FOREVER}s }}"
_STATES = {"new": "new,untracked", "established": "established,related", "invalid": "invalid"}
_SETS = ("arrived", *_STATES, "reply", "kept", "cleaned", "mixed", "redirected", "answered")
_OURS = 'iifname != "eth0" accept'  # not what comes from the host behind, which echoes our numbers
_UDP, _TCP = "meta l4proto 17 meta mark set @th,64,32", "meta l4proto 6 meta mark set @th,32,32"


def table(dirty: bool) -> str:
    """The observer's table, after a flush of everything.

    With `dirty` packets reach the gate with a mark and a priority.
    """
    lines = ["flush ruleset", "table inet observer {"]
    lines += [f"set {name}_ {{ type mark; size 65535; flags dynamic,timeout; }}" for name in _SETS]
    lines += _chain("state", f"add @arrived_ {_MARK}",
                    *(f"ct state {states} add @{name}_ {_MARK}" for name, states in _STATES.items()),
                    f"ct direction reply add @reply_ {_MARK}")
    lines += _chain("before", "type filter hook prerouting priority -160;", _OURS,
                    f"{_UDP} jump state_", f"{_TCP} jump state_", "meta mark set 0",
                    *(["meta mark set 7 meta priority set 0:1"] if dirty else []))
    for name in ("kept", "cleaned", "mixed", "redirected"):
        lines += _chain(name, f"{_UDP} add @{name}_ {_MARK}", f"{_TCP} add @{name}_ {_MARK}",
                        "meta mark set 0")
    lines += _chain("after", "type filter hook prerouting priority -140;", _OURS,
                    "meta mark 7 meta priority 0:1 goto kept_",
                    "meta mark 0 meta priority 0:0 goto cleaned_", "goto mixed_")
    # The kernel translates addresses at -100, whatever the priority of a nat chain.
    lines += _chain("later", "type filter hook prerouting priority -90;", _OURS,
                    "ct status dnat goto redirected_")
    lines += _chain("note", "meta mark set meta mark & 0xf0fffff0", f"add @answered_ {_MARK}",
                    "meta mark set 0")
    lines += _chain(
        "answers", "type filter hook output priority 0;",
        "tcp flags & (rst|ack) == rst|ack meta mark set @th,64,32 jump note_",  # acknowledges our number
        "tcp flags & (rst|ack) == rst meta mark set @th,32,32 jump note_",  # repeats what we acknowledged
        "icmp type destination-unreachable meta mark set @th,288,32 jump note_",  # quotes our payload
        "icmpv6 type destination-unreachable meta mark set @th,448,32 jump note_")
    return "\n".join([*lines, "}"]) + "\n"


def _chain(name: str, *rules: str) -> list[str]:
    return [f"chain {name}_ {{", *rules, "}"]


@dataclass(frozen=True)
class Seen:
    """One packet. Without a state it never arrived."""

    state: str | None  # of conntrack, in the words of a trace
    arrival: float  # seconds on a clock that is the sender's but for a constant
    redirected: bool  # to a closed port, which answers it
    passed: str | None  # "kept", "cleaned" or "mixed": its mark and priority when it had passed the gate
    answered: bool
    reply: bool  # by conntrack, of a connection that began on the other side


def read(lab: Lab, count: int) -> list[Seen]:
    """Each packet of a script of `count`."""
    now = time.monotonic()
    listing = parse(lab.server.output(["/usr/sbin/nft", "-p", "list", "table", "inet", "observer"]))
    noted = {name: {_number(key): left for key, left in listing.live(f"{name}_").items()} for name in _SETS}
    seen = []
    for number in map(serial, range(count)):
        state = next((name for name in _STATES if number in noted[name]), None)
        age = _FOREVER - noted["arrived"].get(number, 0.0)
        redirected = number in noted["redirected"]
        passed = next((name for name in ("kept", "cleaned", "mixed") if number in noted[name]), None)
        seen.append(Seen(state, now - age, redirected, None if redirected else passed,
                         number in noted["answered"], number in noted["reply"]))
    return seen


def _number(key: str) -> int:
    """A serial number, below 2^16. nft shows it in the network's byte order or in the machine's."""
    mark = int(key, 16)
    return mark if mark < 1 << 24 and mark & 0xffff else int.from_bytes(mark.to_bytes(4, "little"), "big")


@dataclass(frozen=True)
class Look:
    """knockwork's own sets at one moment between `began` and `ended`: name → element → seconds left.

    What never expires has none.
    """

    began: float
    ended: float
    sets: dict[str, dict[str, float]]


def look(lab: Lab) -> tuple[Look, Table]:
    """What the sets hold, and the whole table."""
    began = time.monotonic()
    text = lab.server.output(["/usr/sbin/nft", "-p", "list", "table", "inet", "knockwork"])
    ended = time.monotonic()
    live = parse(text)
    return Look(began, ended, {block.name: live.live(block.name) for block in live.blocks
                               if block.kind == "set" and block.dynamic}), live


def steps(live: Table) -> dict[int, tuple[str, int]]:
    """The number of each edge → its sequence and step, from 1: an end bears the name, `next` leads there."""
    def pairs(block: Block) -> Iterator[Sequence[str]]:
        return (element.split(" : ") for element in block.elements)

    before = {_mark(after): _mark(first) for first, after in pairs(live.block("next"))}
    found: dict[int, tuple[str, int]] = {}
    later = [block for block in live.blocks if block.name in ("openers", "advance", "timed")]
    for key, _ in (pair for block in later for pair in pairs(block)):
        named = re.search(r'comment "([^"]+)"', key)
        if not named:
            continue
        track = [_mark(key)]
        while track[0] in before:
            track.insert(0, before[track[0]])
        found.update({edge: (named[1], step) for step, edge in enumerate(track, 1)})
    return found


def named(live: Table) -> frozenset[str]:
    """The ports that `dispatch` leads somewhere, as "7000/udp"."""
    keys = (element.split(" : ")[0].split(" . ") for element in live.block("dispatch").elements)
    return frozenset(f"{port}/{'tcp' if number == '6' else 'udp'}" for number, port in keys)


def _mark(text: str) -> int:
    return int(text.split()[0], 16)
