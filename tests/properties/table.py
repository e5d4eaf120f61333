"""What stands in a listing: its configuration, its sequences, and what packets have put there."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bed.table import Table, parse

FED = ("tokens", "good", "used", "claimed")  # they change with time
_EDGE = re.compile(r"([0-9a-f]+:[0-9a-f]*|[0-9a-f]*:[0-9a-f]+)")
_LAST = re.compile(r'(\S+) comment "([^"]*)" : ')


@dataclass(frozen=True)
class Step:
    """An edge, and the knock that fires it; port 0 for that of a token."""

    edge: str
    protocol: int
    port: int


def configuration(listing: str) -> str:
    """What does not come and go with packets and time: equal where the tables are."""
    table = parse(listing)
    for block in table.blocks:
        if block.dynamic or block.name in FED:
            table = table.with_block(replace(block, elements=()))
    return table.configuration()


def elements(table: Table, name: str) -> tuple[str, ...]:
    """Those of a set or map, or none where there is no such."""
    return next((block.elements for block in table.blocks if block.name == name), ())


def tracks(table: Table) -> dict[str, list[Step]]:
    """The sequences by name, as "ssh" or "ssh#41"."""
    before = {last.strip(): first.strip() for first, _, last in
              (each.partition(" : ") for each in elements(table, "next"))}
    knocks: dict[str, tuple[int, int]] = {}
    for block in table.blocks:
        for element in block.elements if block.name.startswith("steps_") else ():
            place, _, edge = element.partition(" : ")
            protocol, port = place.split(" . ")
            knocks[edge.strip()] = (int(protocol), int(port))
    found: dict[str, list[Step]] = {}
    for name in ("openers", "advance", "timed"):
        for element in elements(table, name):
            last = _LAST.match(element)
            if last:
                edges = [last[1]]
                while edges[0] in before:
                    edges.insert(0, before[edges[0]])
                found[last[2]] = [Step(edge, *knocks.get(edge, (17, 0))) for edge in edges]
    return found


def live(table: Table) -> dict[str, dict[str, float]]:
    """By set: key → seconds until it expires; 0 for those that never do."""
    return {block.name: table.live(block.name) for block in table.blocks if block.dynamic and block.elements}


def tokens(table: Table) -> dict[str, list[bytes]]:
    """Those that would open, by the edge that they fire."""
    found: dict[str, list[bytes]] = {}
    for element in elements(table, "tokens"):
        token, _, edge = element.partition(" : ")
        found.setdefault(edge.strip(), []).append(int(token.split()[0], 16).to_bytes(16, "big"))
    return found
