"""Debian's knockd and the imported gate get the same packets, and let in the same sources."""

import json
import os
import re
import time
from dataclasses import dataclass, field

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork
from bed.waiting import wait_for
from sources import Foreign, corpus, imported, own

DOORS = [foreign for foreign in own() + corpus() if foreign.kind == "knockd"]
LOG = "/run/knockd.log"
SENTINEL = "[sentinel]\nsequence = 61001,61003\ntcpflags = syn\ncommand = true\n"
LONGEST = 5  # seconds of a sequence that is waited for


@dataclass
class Door:
    """One section, as knockd gets it."""

    name: str
    lines: list[str] = field(default_factory=list)
    knocks: list[str] = field(default_factory=list)
    timeout: int = 25


KNOWN = re.compile(r"(sequence|seq_timeout|timeout|tcpflags|(start_)?command)\s*=\s*(.*)", re.IGNORECASE)


def doors_of(text: str, names: list[str]) -> list[Door]:
    """Those that became a sequence. Their commands are not run: what knockd says of them is enough."""
    doors: list[Door] = []
    for line in (line.strip() for line in text.splitlines()):
        section = re.fullmatch(r"\[(.+)\]", line)
        if section:
            doors.append(Door(section[1], [line]))
        found = KNOWN.fullmatch(line)
        if not found or not doors:
            continue
        key, value, door = found[1].lower(), found[3], doors[-1]
        if door.name not in names:
            continue
        if key.endswith("command"):
            line = "command = true"
        elif key == "sequence":
            door.knocks = [f"{port.strip()}/{(protocol or 'tcp').strip().lower()}"
                           for port, _, protocol in (part.partition(":") for part in value.split(","))]
        elif key.endswith("timeout"):
            door.timeout = int(value)
        elif key == "tcpflags":
            line = "tcpflags = syn"  # the others ask for packets that connect(2) does not send
        door.lines.append(line)
    return [door for door in doors if door.name in names]


class Both:
    """knockd and the gate on one server."""

    sources = 0  # of all tests: grants are kept from one table to the next

    def __init__(self, lab: Lab, gate: Knockwork, doors: list[Door]) -> None:
        self.lab, self.gate = lab, gate
        # Packets of one processor stay in order.
        lab.callers.call(os.sched_setaffinity, 0, {min(os.sched_getaffinity(0))})
        lab.server.run(["/bin/rm", "-f", LOG], check=True)
        lab.server.write("/etc/knockd.conf", "\n".join(line for door in doors for line in door.lines) + "\n" + SENTINEL)
        self.pid = lab.server.spawn(["/usr/sbin/knockd", "-v", "-c", "/etc/knockd.conf", "-i", "eth0"], LOG)
        wait_for(lambda: "listening on eth0" in lab.server.read(LOG), "knockd listens")

    def close(self) -> None:
        """End knockd."""
        self.lab.server.run(["/bin/kill", str(self.pid)], check=True)

    def source(self) -> Caller:
        """That no packet came from before."""
        Both.sources += 1
        return self.lab.caller(f"10.200.{Both.sources // 200}.{Both.sources % 200 + 1}")

    def forget(self, source: Caller) -> None:
        """End what knockd remembers of attempts, so that the next one is the oldest: see is_lost()."""
        source.knock("61003/tcp")
        self.source().knock("61003/tcp")

    def marks(self) -> set[tuple[str, str]]:
        """Which doors knockd opened, and to whom: of all packets that were sent before."""
        last = self.source()
        last.knock("61001/tcp", "61003/tcp")
        wait_for(lambda: ("sentinel", last.source) in self.opened(), "knockd saw every packet")
        return self.opened()

    def opened(self) -> set[tuple[str, str]]:
        """What knockd has said so far; it says it before it runs a command."""
        found = re.findall(r"^(\S+): (\S+): OPEN SESAME$", self.lab.server.read(LOG), re.MULTILINE)
        return {(name, source) for source, name in found}

    def grants(self) -> set[tuple[str, str]]:
        """The same of the gate."""
        status = json.loads(self.gate.host.output(self.gate.command("status", "--json")))
        return {(grant["sequence"], grant["source"]) for grant in status["grants"]}


def closers(declaration: str) -> set[str]:
    """The sequences that close: a status has nothing of theirs."""
    return set(re.findall(r"- name: (\S+)  # .*\n    knock: .*\n    closes: ", declaration))


def is_lost(door: Door, doors: list[Door]) -> bool:
    """When the oldest attempt ends, knockd 0.8 forgets all others: its list of them loses its head.

    So of sections that begin alike, only the first in the file can be completed.
    """
    earlier = doors[:doors.index(door)]
    return any(other.knocks[0] == door.knocks[0] and other.knocks != door.knocks for other in earlier)


def wrong_one(door: Door, doors: list[Door]) -> str | None:
    """A knock of the door that is wrong after its first, and begins no other."""
    right = [*door.knocks[:2], *(other.knocks[0] for other in doors)]
    return next((knock for knock in door.knocks[2:] if knock not in right), None)


def scripts(both: Both, door: Door, doors: list[Door]) -> list[tuple[str, Caller, bool, bool]]:
    """Send them; what was sent, who it was, and whether knockd and the gate must open."""
    done = []
    lost = is_lost(door, doors)

    def send(what: str, knocks: list[str], knockd: bool, gate: bool) -> None:
        source = both.source()
        source.knock(*knocks)
        both.forget(source)
        done.append((what, source, knockd and not lost, gate))

    knocks = door.knocks
    send("right", knocks, True, True)
    send("all but the last", knocks[:-1], False, False)
    send("all but the first", knocks[1:], False, False)
    if len(set(knocks)) == len(knocks) > 2:
        send("backwards", knocks[::-1], False, False)
        send("the last two swapped", [*knocks[:-2], knocks[-1], knocks[-2]], False, False)
    if (wrong := wrong_one(door, doors)) is not None and len(set(knocks)) == len(knocks):
        send("a wrong one between", [knocks[0], wrong, *knocks[1:]], False, False)
        # By design, docs/moving.md: a lockout, where knockd starts over.
        send("a wrong one before", [knocks[0], wrong, *knocks], True, False)
    send("another port between", [knocks[0], "62001/udp", *knocks[1:]], True, True)
    if len(set(knocks)) == len(knocks):
        send("the first twice", [knocks[0], *knocks], False, True)  # by design: a repeated knock does no harm
    port, protocol = knocks[0].split("/")
    send("a neighbour between", [knocks[0], f"{int(port) + 1}/{protocol}", *knocks[1:]], True, False)  # a guard
    one, other = both.source(), both.source()
    for knock in knocks[:-1]:
        one.knock(knock)
        other.knock(knock)
    for source in (other, one):  # the older attempt last: see is_lost()
        source.knock(knocks[-1])
        done.append(("with another", source, not lost, True))
    both.forget(one)
    return done


def slow(both: Both, door: Door) -> list[tuple[str, Caller, bool, bool]]:
    """A sequence that takes longer than it may, at its first and at its last step."""
    if door.timeout > LONGEST:
        return []
    at_first, at_last = both.source(), both.source()
    at_first.knock(door.knocks[0])
    at_last.knock(*door.knocks[:-1])
    time.sleep(door.timeout + 1.1)
    at_first.knock(*door.knocks[1:])
    at_last.knock(door.knocks[-1])
    both.forget(at_first)
    return [("too slow at first", at_first, False, False), ("too slow at last", at_last, False, False)]


@pytest.mark.parametrize("foreign", DOORS, ids=str)
def test_same_packets(lab: Lab, server: Knockwork, foreign: Foreign) -> None:
    made = imported("knockd", foreign.path.read_bytes())
    doors = doors_of(foreign.path.read_text("utf-8"), made.sequences)
    assert {door.name for door in doors} == set(made.sequences)
    if not doors:
        return
    server.apply(made.declaration)
    both = Both(lab, server, doors)
    try:
        for door in (door for door in doors if door.name not in closers(made.declaration)):
            sent = scripts(both, door, doors) + slow(both, door)
            marks, grants = both.marks(), both.grants()
            found = [(what, (door.name, source.source) in marks, (door.name, source.source) in grants)
                     for what, source, _, _ in sent]
            assert found == [(what, knockd, gate) for what, _, knockd, gate in sent], door.name
    finally:
        both.close()


CLOSING = """\
[open]
sequence = 7000,8000,9000
command = iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
[close]
sequence = 9000,8000,7000
command = iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
"""


def test_closing_section(lab: Lab, server: Knockwork) -> None:
    """What deletes the other section's rule closes here as well."""
    made = imported("knockd", CLOSING.encode())
    assert made.sequences == ["open", "close"]
    server.apply(made.declaration)
    lab.client.knock("7000/tcp", "8000/tcp", "9000/tcp")
    assert lab.client.tcp(22) == "open"
    lab.client.knock("9000/tcp", "8000/tcp", "7000/tcp")
    wait_for(lambda: lab.client.tcp(22) == "refused", "it is closed", 1)
