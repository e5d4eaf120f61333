"""Which rules a script comes by, counted by the kernel: a mutant is tried where its rule has something to say."""

import re
from dataclasses import dataclass, replace

from bed.table import Block, Line, Table
from model.statements import split

_COUNTER = re.compile(r"counter packets (\d+) bytes \d+ ?")
Rule = tuple[str, int]  # the name of its chain, and its place among the chain's lines


@dataclass(frozen=True)
class Visits:
    """Packets that came to a rule, and for how many of them all its first matches were true."""

    reached: int = 0
    matched: int = 0

    @property
    def worth(self) -> int:
        """Both kinds tell a wrong rule from the right one; a few of each are enough."""
        return min(self.matched, 10) * 2 + min(self.reached - self.matched, 10)


def counting(table: Table) -> Table:
    """The same with counters in its rules."""
    return replace(table, blocks=tuple(
        replace(block, lines=tuple(_counting(block, line) for line in block.lines)) for block in table.blocks))


def _counting(block: Block, line: Line) -> Line:
    if block.kind != "chain" or line.text.startswith("type "):
        return line
    statements = split(line.text)
    first = next(at for at, statement in enumerate(statements) if statement.kind != "match")
    words = ["counter", *map(str, statements[:first]), "counter", *map(str, statements[first:])]
    return Line(" ".join(words), line.handle)


def visits(counted: Table) -> dict[Rule, Visits]:
    """Of every rule that any packet came to."""
    found = {}
    for block in counted.blocks:
        for at, line in enumerate(block.lines if block.kind == "chain" else ()):
            numbers = [int(number) for number in _COUNTER.findall(line.text)][:2]
            if numbers and numbers[0]:
                found[block.name, at] = Visits(*numbers)
    return found
