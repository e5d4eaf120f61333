"""All that a play leaves behind, to the last counter: the right table's and a wrong one's are compared."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bed.table import Block, Line, Table, parse, seconds
from model import directed, nflog, observer, sender
from model.declaration import Declaration
from model.directed import Play
from model.errands import errands
from model.neighbour import announcing_port
from model.network import Site
from model.script import Script, is_routed
from model.tokens import filling

_GROUPS = (7411, 7412)
_TIME = re.compile(r"(?<= timeout )(\d+)ms")
_BURST = 20  # of wrong knocks that are logged, whatever the time
_MORE = 5  # of one kind, by chance
_SHORTEST = 100  # milliseconds: shorter ones mean "at once"
_LEAST = 10  # seconds: the shortest time but one, and no play takes so long
_LONG = 20
_SLOWER = 100
_BRIEF = ("spending",)  # a second at most


_LIMITS = {" rate 10/second ": " rate 10/hour ",  # of what is logged
           " rate over 2000/second burst 1000 ": " rate over 10/hour burst 60 "}  # of those who are locked out


def slowed(table: Table) -> Table:
    """With times that do not pass during a play, and limits that are reached in it."""
    def slower(found: re.Match[str]) -> str:
        return f"{int(found[1]) * (_SLOWER if int(found[1]) >= _SHORTEST else 1)}ms"

    def of(block: Block) -> Block:
        text = "\n".join(_TIME.sub(slower, line.text) for line in block.lines)
        for limit, slow in _LIMITS.items():
            text = text.replace(limit, slow)
        return replace(block, lines=tuple(map(Line, text.split("\n"))))

    return replace(table, blocks=tuple(of(block) if block.kind == "chain" else block for block in table.blocks))


@dataclass(frozen=True)
class Observation:
    """What became of the packets, what the sets hold, and what was logged."""

    fates: tuple[str, ...]
    sets: dict[str, frozenset[str]]
    log: tuple[nflog.Entry, ...]
    others: tuple[str, ...] = ()  # what came of errands


class Expectation:
    """What the right table does, as seen some times: what differs even then is not judged."""

    def __init__(self, seen: Sequence[Observation]) -> None:
        self._fates = [frozenset(fates) for fates in zip(*(one.fates + one.others for one in seen), strict=True)]
        names = {name for one in seen for name in one.sets}
        every = {name: [one.sets.get(name, frozenset()) for one in seen] for name in names}
        self._always = {name: frozenset.intersection(*sets) for name, sets in every.items()}
        self._ever = {name: frozenset.union(*sets) for name, sets in every.items()}
        self._few = all(len(one.log) - len(_grants(one.log)) < _BURST for one in seen)
        self._counts = [self._counted(one.log) for one in seen]
        self._entries = {entry for one in seen for entry in one.log}
        counts = [Counter(one.log) for one in seen]
        self._many = {entry: max(count[entry] for count in counts) + _MORE for entry in self._entries}

    def _counted(self, log: Sequence[nflog.Entry]) -> list[nflog.Entry]:
        return sorted(log) if self._few else _grants(log)

    def difference(self, found: Observation) -> str:
        """The first; empty where there is none."""
        fates = found.fates + found.others
        if len(fates) != len(self._fates):
            return f"{len(fates)} outcomes, not {len(self._fates)}"
        for number, (right, fate) in enumerate(zip(self._fates, fates)):
            if fate not in right:
                return f"packet {number}: {fate.split()}, not {' or '.join(right).split()}"
        for name in sorted(self._ever.keys() | found.sets.keys()):
            there = found.sets.get(name, frozenset())
            more = there - self._ever.get(name, frozenset())
            less = self._always.get(name, frozenset()) - there
            if more or less:
                return f"{name}: more {sorted(more)[:2]}, less {sorted(less)[:2]}"
        too_many = any(number > self._many.get(entry, 0) for entry, number in Counter(found.log).items())
        if {*found.log} != self._entries or self._counted(found.log) not in self._counts or too_many:
            return f"logged: {sorted({*found.log} ^ self._entries)[:2]}, {len(found.log)} in all"
        return ""


def _grants(log: Sequence[nflog.Entry]) -> list[nflog.Entry]:
    """The other kind is limited: how many of it there are depends on the time."""
    return sorted(entry for entry in log if entry[1].startswith("knockwork grant"))


def narrowed(table: Table, kind: str) -> Table:
    """With hardly any room in a dynamic set, as "granted", of each family."""
    def of(block: Block) -> Block:
        if block.name.rstrip("46") != kind:
            return block
        return replace(block, lines=tuple(Line("size 3") if line.text.startswith("size ") else line
                                          for line in block.lines))

    return replace(table, blocks=tuple(map(of, table.blocks)))


def observe(made: Site, declaration: Declaration, play: Play, right: Table) -> Observation:
    """Of a play on a site where everything is loaded."""
    part, script = play.part, play.script
    edges = {step: edge for edge, step in observer.steps(right).items()}
    made.server.nft("".join((filling(edges, script, part.has_wrong_clock),
                             _given(declaration, play, edges) if part.is_given else "",
                             _underway(right) if part.is_underway else "",
                             _spoken(script, right) if part.is_spoken else "")))
    begun = [packet for packet in script.packets if packet.begun_there]
    made.server.call(sender.begin, [packet for packet in begun if not is_routed(packet.address)])
    made.behind.call(sender.begin, [packet for packet in begun if is_routed(packet.address)])
    made.server.call(sender.announce, announcing_port(), script.neighbour.to)
    descriptor = made.server.call(nflog.listen, _GROUPS)
    try:
        first = play.second if part.between else len(script.packets)
        made.callers.call(sender.rush, script.packets[:first], 0, os.getpid(), made.server_card)
        if first < len(script.packets):
            if part.between == "conntrack forgets":
                made.forget()
            elif part.between == "a minute passes":
                made.server.nft(_a_minute_later(right))
            else:
                made.server.nft(_ended(right, part.between == "grants and renewals end"))
            made.callers.call(sender.rush, script.packets, first, os.getpid(), made.server_card)
        others = errands(made, declaration) if part.has_errands else ()
    finally:
        log = made.server.call(nflog.heard, descriptor)
    seen = observer.read(made, script.packets)
    fates = tuple(f"{one.passed or ''} {'answered' if one.answered else ''} {one.redirected or ''} "
                  f"{'renumbered' if one.renumbered else ''} {'misquoted' if one.misquoted else ''} "
                  f"{'disguised' if one.disguised else ''} {'unmarked' if one.unmarked else ''}" for one in seen)
    sets = _sets(made, len(script.packets) if part.between else play.second)
    if others:  # in which much depends on chance: ports, and who is faster
        sets = {}
    return Observation(fates, sets, tuple(sorted(log)), others)


def _a_minute_later(right: Table) -> str:
    """As if what is only noted for a minute had expired."""
    return "".join(f"flush set inet knockwork {block.name}\n" for block in right.blocks if block.name == "claimed")


def _ended(right: Table, renewals: bool) -> str:
    """As if all grants had expired; and what use has noted, or not yet."""
    expired = {"granted", "ranged", "reached", "holders", *(["renewed"] if renewals else [])}
    return "".join(f"flush set inet knockwork {block.name}\n" for block in right.blocks
                   if block.name.rstrip("46") in expired)


def _underway(right: Table) -> str:
    """As if the first apply were not long ago."""
    return "".join(f"add element inet knockwork {block.name} {{ tcp timeout 50s }}\n" for block in right.blocks
                   if block.name == "underway")


def _spoken(script: Script, right: Table) -> str:
    """As if whoever is asked had spoken first, from the same port to the same port, in another connection."""
    present = {block.name for block in right.blocks}
    return "".join(f"add element inet knockwork {name} {{ {packet.source} . {packet.source_port} . {packet.address} . "
                   f"{packet.port} . {packet.protocol} timeout 50s }}\n" for packet in script.packets
                   for name in (f"spoken{6 if ':' in packet.source else 4}",) if name in present)


def _given(declaration: Declaration, play: Play, edges: dict[tuple[str, int], int]) -> str:
    """As if grants had been given by hand, for longer than use would give them."""
    lines = []
    for packet in play.given:
        source, digit = declaration.source_key(packet.source), 6 if ":" in packet.source else 4
        lines.append(f"add element inet knockwork granted{digit} {{ {source} . {packet.protocol} . {packet.port} "
                     "timeout 50s }\n")
    for sequence in declaration.sequences:
        edge = edges[sequence.name, sequence.steps]
        for six in (False, True) if sequence.prolong else ():
            source = declaration.source_key(play.first[sequence.name, six])
            lines.append(f"add element inet knockwork renewed{6 if six else 4} "
                         f"{{ {source} . {edge >> 16:x}:{edge & 0xffff:x} timeout 50s }}\n")
    return "".join(lines)


def _sets(made: Site, second: int) -> dict[str, frozenset[str]]:
    listing = made.server.output(["/usr/sbin/nft", "-p", "list", "ruleset"])  # both at one time
    tables = {table.name: table for table in map(parse, re.split(r"(?m)^(?=table )", listing)[1:])}
    arrived = tables["inet observer"].live("arrived_")
    age = max((3600 - left for key, left in arrived.items() if observer.serial_of(key) == sender.serial(second)),
              default=-1.0) + directed.LATER / 2
    return {block.name: frozenset(_told(element, age) for element in block.elements)
            for block in tables["inet knockwork"].blocks if block.dynamic and block.name not in _BRIEF}


def _told(element: str, recent: float) -> str:
    """An element without the time that it has left, but whether it came, or was refreshed, in the second part."""
    found = re.search(r" timeout (\S+) expires (\S+)", element)
    if not found:
        return element
    # An update changes the time left, and perhaps not what is listed as the whole: long ones are multiples of this.
    age = -seconds(found[2]) % _LEAST if seconds(found[1]) >= _LEAST else seconds(found[1]) - seconds(found[2])
    # Those times are far from what would be rounded another way a few seconds later.
    left = f" left {round(seconds(found[2]), -1):.0f}" if seconds(found[1]) >= _LONG else ""
    return element.replace(f" expires {found[2]}", left + (" late" if age <= recent else ""))
