"""What the kernel did with each packet: a table of the test's own beside knockwork's, and both read back.

Hooks before the gate, where packets are delivered, and at the answers note the packets' serial numbers in
sets. The first also notes the packet's conntrack state, and by its element's age the time of arrival.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bed import Lab
from bed.table import Block, Table, parse
from model.script import Packet
from model.sender import RENUMBERED, serial

_FOREVER = 3600  # seconds; long enough that an age tells the time of arrival
_MARK = f"{{ meta mark timeout {_FOREVER}s }}"
_STATES = {"new": "new,untracked", "established": "established", "related": "related", "invalid": "invalid"}
_PASSED = ("kept", "cleaned", "mixed", "lost")
_SETS = ("arrived", *_STATES, "reply", "ours", *_PASSED, "redirected", "redirected_lost", "answered", "quoted",
         "disguised", "unmarked")
_OURS = 'iifname != "eth0" accept'  # not what comes from the host behind, which echoes our numbers
_TCP = "meta l4proto 6 meta mark set @th,32,32"
# A packet with a token has its number in the IP header, any other in its payload.
_NUMBERED = ("ip dscp 1 meta l4proto 17 meta mark set @nh,32,32", "ip6 dscp 1 meta l4proto 17 meta mark set @nh,0,32",
             "ip dscp != 1 meta l4proto 17 meta mark set @th,64,32",
             "ip6 dscp != 1 meta l4proto 17 meta mark set @th,64,32", _TCP)


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
                    *(f"{numbered} jump state_" for numbered in _NUMBERED), "meta mark set 0",
                    *(["meta mark set 7 meta priority set 0:1"] if dirty else []))
    for name in (*_PASSED, "redirected", "redirected_lost"):
        lines += _chain(name, *(f"{numbered} add @{name}_ {_MARK}" for numbered in _NUMBERED), "meta mark set 0")
    mark, priority = (7, "0:1") if dirty else (0, "none")
    lines += _chain("own", f"meta mark set @th,32,32 add @ours_ {_MARK}", f"meta mark set {mark}")
    passed = [f"meta mark != {mark} goto lost_", f"meta priority {priority} goto kept_",
              "meta priority none goto cleaned_", "goto mixed_"]
    for hook in ("input", "forward"):
        # By now the kernel has found the segment's socket, if it has one.
        lines += _chain(hook, f"type filter hook {hook} priority -160;", _OURS,
                        "meta l4proto 6 meta skuid 0-4294967295 jump own_")
    # Where other firewalls stand.
    lines += _chain("disguised", *(f"{numbered} add @disguised_ {_MARK}" for numbered in _NUMBERED),
                    f"meta mark set {mark}")
    lines += _chain("unmarked", *(f"{numbered} add @unmarked_ {_MARK}" for numbered in _NUMBERED), "meta mark set 0")
    lines += _chain("between", "type filter hook input priority 0;", _OURS,
                    "udp dport 1 meta priority none jump disguised_")
    lines += _chain("delivered", "type filter hook input priority 400;", _OURS,
                    *(["meta mark 0 jump unmarked_"] if dirty else []),
                    f"th dport 1 ct status dnat meta mark != {mark} goto redirected_lost_",
                    "th dport 1 ct status dnat goto redirected_", *passed)
    # The kernel itself gives what it forwards a priority.
    lines += _chain("forwarded", "type filter hook forward priority 400;", _OURS,
                    f"meta mark != {mark} goto lost_", "goto kept_")
    lines += _chain("note_token", f"add @answered_ {_MARK}", "meta mark set 0")
    lines += _chain("note", "meta mark set meta mark & 0xf0fffff0", "jump note_token_")
    lines += _chain(
        "answers", "type filter hook output priority 0;",
        "tcp flags & (rst|ack) == rst|ack meta mark set @th,64,32 jump note_",  # acknowledges our number
        "tcp flags & (rst|ack) == rst meta mark set @th,32,32 jump note_",  # repeats what we acknowledged
        # An error quotes our header, and our payload.
        "icmp type destination-unreachable @th,72,8 4 meta mark set @th,96,32 jump note_token_",
        "icmp type destination-unreachable @th,72,8 != 4 meta mark set @th,288,32 jump note_",
        "icmpv6 type destination-unreachable @th,64,16 0x6040 meta mark set @th,64,32 jump note_token_",
        "icmpv6 type destination-unreachable @th,64,16 != 0x6040 meta mark set @th,448,32 jump note_")
    # Which ports an error quotes is known when they have been translated back.
    lines += _chain(
        "errors", "type filter hook postrouting priority 400;",
        f"icmp type destination-unreachable meta mark set @th,224,32 add @quoted_ {_MARK} meta mark set 0",
        f"icmpv6 type destination-unreachable meta mark set @th,384,32 add @quoted_ {_MARK} meta mark set 0")
    return "\n".join([*lines, "}"]) + "\n"


def _chain(name: str, *rules: str) -> list[str]:
    return [f"chain {name}_ {{", *rules, "}"]


@dataclass(frozen=True)
class Seen:
    """One packet. Without a state it never arrived."""

    state: str | None  # of conntrack, in the words of a trace
    arrival: float  # seconds on a clock that is the sender's but for a constant
    redirected: str | None  # to a closed port, which answers it; "kept" or "lost": its mark
    # When it had passed the gate: "kept", its mark and priority; "cleaned", its mark, and it has no priority;
    # "mixed", its mark alone; "lost", not even that.
    passed: str | None
    renumbered: bool  # it passed with the number that it acknowledges as its own
    answered: bool
    misquoted: bool  # answered by an error that names other ports; UDP alone
    reply: bool  # by conntrack, of a connection that began on the other side
    ours: bool  # the server's kernel has its socket; false where it came to no door
    disguised: bool = False  # other firewalls took it for one to another port
    unmarked: bool = False  # the mark that it had before the gate is 0 behind it

    @property
    def goes_by_nat(self) -> bool:
        """Whether it can be translated as its connection's first packet was."""
        return self.state != "invalid" and not self.reply


def read(lab: Lab, packets: Sequence[Packet]) -> list[Seen]:
    """What became of each."""
    now = time.monotonic()
    listing = parse(lab.server.output(["/usr/sbin/nft", "-p", "list", "table", "inet", "observer"]))
    raw = {name: {serial_of(key): left for key, left in listing.live(f"{name}_").items()} for name in _SETS}
    renumbered = {number & ~RENUMBERED for name in _PASSED for number in raw[name] if number & RENUMBERED}
    noted = {name: {number & ~RENUMBERED: left for number, left in numbers.items()}
             for name, numbers in raw.items()}
    seen = []
    quoted = {number for key in listing.live("quoted_") for number in _either(int(key, 16))}
    for packet, number in zip(packets, map(serial, range(len(packets)))):
        state = next((name for name in _STATES if number in noted[name]), None)
        age = _FOREVER - noted["arrived"].get(number, 0.0)
        redirected = ("lost" if number in noted["redirected_lost"] else
                      "kept" if number in noted["redirected"] else None)
        passed = next((name for name in _PASSED if number in noted[name]), None)
        seen.append(Seen(state, now - age, redirected, passed, number in renumbered,
                         number in noted["answered"],
                         packet.protocol == "udp" and number in noted["answered"]
                         and (packet.source_port << 16 | packet.port) not in quoted,
                         number in noted["reply"], number in noted["ours"], number in noted["disguised"],
                         number in noted["unmarked"]))
    return seen


def serial_of(key: str) -> int:
    """A serial number, below 2^16. nft shows it in the network's byte order or in the machine's."""
    one, other = _either(int(key, 16))
    for mark in (one, other):  # in the header of a packet with a token
        if mark >> 16 == 0x6040 and mark & 0xffff:
            return mark & 0xffff
        if mark >> 24 & 0xf == 0xf and not mark & 0xffff:
            return mark >> 16 & 0xf000 | mark >> 12 & 0xff0
    return one if one < 1 << 24 and one & 0xffff else other


def _either(mark: int) -> tuple[int, int]:
    """In both orders."""
    return mark, int.from_bytes(mark.to_bytes(4, "little"), "big")


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
    text = lab.server.output(["/usr/sbin/nft", "-ap", "list", "table", "inet", "knockwork"])
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
    """An edge: two halves of 16 bits."""
    major, _, minor = text.split()[0].partition(":")
    return int(major or "0", 16) << 16 | int(minor or "0", 16)
