"""A table's listing (`nft -a list table`) as lines and elements that a test can compare and tamper with.

Elements come in hash order and chains in the order of their making: comparisons sort both.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

_HANDLE = re.compile(r"\s*# handle (\d+)$")
_FLAGS = re.compile(r"tcp flags & \(([a-z |]+)\) (==|!=) ([a-z]+)")
_ROUTE = re.compile(r"\b(fib [a-z .]+?) check (exists|missing)")
_COUNT = re.compile(r"\s*# count \d+$")  # of a set's elements, behind its size: nftables 1.1.7
_CLOCK = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@dataclass(frozen=True)
class Line:
    """An attribute or a rule; only rules have handles."""

    text: str
    handle: int = 0


@dataclass(frozen=True)
class Block:
    """A set, map or chain."""

    kind: str
    name: str
    handle: int = 0
    lines: tuple[Line, ...] = ()
    elements: tuple[str, ...] = ()

    @property
    def dynamic(self) -> bool:
        """Whether packets fill it: then its elements are state, not configuration."""
        return any(line.text.startswith("flags") and "dynamic" in line.text for line in self.lines)

    @property
    def rules(self) -> tuple[Line, ...]:
        """The rules of a chain."""
        return tuple(line for line in self.lines if self.kind == "chain" and line.handle)

    def text(self) -> str:
        """As `nft -f` takes it, inside its table."""
        lines = [line.text for line in self.lines]
        if self.elements:
            lines.append("elements = { " + ", ".join(self.elements) + " }")
        return "".join([f"\t{self.kind} {self.name} {{\n", *(f"\t\t{line}\n" for line in lines), "\t}\n"])


@dataclass(frozen=True)
class Table:
    """A table with its attributes and blocks."""

    name: str
    handle: int = 0
    attributes: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = field(default=())

    def block(self, name: str) -> Block:
        """A block by its name. Raises KeyError."""
        for block in self.blocks:
            if block.name == name:
                return block
        raise KeyError(name)

    def with_block(self, changed: Block) -> "Table":
        """The same with one block in place of its namesake."""
        return replace(self, blocks=tuple(
            changed if (block.kind, block.name) == (changed.kind, changed.name) else block
            for block in self.blocks))

    def text(self) -> str:
        """As `nft -f` takes it. Sets and chains before what refers to them is nft's own business."""
        attributes = "".join(f"\t{attribute}\n" for attribute in self.attributes)
        return f"table {self.name} {{\n{attributes}{''.join(block.text() for block in self.blocks)}}}\n"

    def configuration(self) -> str:
        """What does not come and go with packets, in an order of its own: equal where the tables are."""
        blocks = [replace(block, elements=() if block.dynamic and not _eternal(block.elements)
                          else tuple(sorted(block.elements)))
                  for block in self.blocks]
        return replace(self, blocks=tuple(sorted(blocks, key=lambda block: (block.kind, block.name)))).text()

    def live(self, name: str) -> dict[str, float]:
        """The elements of a dynamic set: key → seconds until it expires."""
        return dict(_live(self.block(name).elements))


def _eternal(elements: Iterable[str]) -> bool:
    """Counters are not: packets move them."""
    return any(" expires " not in element and " counter " not in element for element in elements)


def _live(elements: Iterable[str]) -> Iterable[tuple[str, float]]:
    for element in elements:
        key, _, rest = element.partition(" timeout ")
        yield key.partition(" limit ")[0].partition(" counter ")[0], seconds(rest.partition(" expires ")[2])


def seconds(text: str) -> float:
    """nft's "1m2s300ms" as seconds."""
    return sum(int(number) * _CLOCK[unit] for number, unit in re.findall(r"(\d+)(ms|[dhms])", text))


def parse(listing: str) -> Table:
    """Read `nft -a list table`. Raises ValueError where the text is none."""
    lines = [line.strip() for line in listing.splitlines() if line.strip()]
    if not lines or not lines[0].startswith("table "):
        raise ValueError(f"no table in {listing!r}")
    name, handle = _opened(lines[0])
    attributes: list[str] = []
    blocks: list[Block] = []
    at = 1
    while lines[at] != "}":
        if _HANDLE.sub("", lines[at]).endswith("{"):
            block, at = _parse_block(lines, at)
            blocks.append(block)
        else:
            attributes.append(lines[at])
            at += 1
    return Table(name.removeprefix("table "), handle, tuple(attributes), tuple(blocks))


def _opened(line: str) -> tuple[str, int]:
    found = _HANDLE.search(line)
    return _HANDLE.sub("", line).removesuffix("{").strip(), int(found[1]) if found else 0


def _parse_block(lines: list[str], at: int) -> tuple[Block, int]:
    title, handle = _opened(lines[at])
    kind, _, name = title.rpartition(" ")
    body: list[Line] = []
    elements: tuple[str, ...] = ()
    at += 1
    while lines[at] != "}":
        text = lines[at]
        if text.startswith("elements = {"):
            while not text.endswith("}"):
                at += 1
                text += " " + lines[at]
            elements = tuple(_split(text.removeprefix("elements = {").removesuffix("}")))
        else:
            found = _HANDLE.search(text)
            body.append(Line(_in_older_words(_COUNT.sub("", _HANDLE.sub("", text))), int(found[1]) if found else 0))
        at += 1
    return Block(kind, name, handle, tuple(body), elements), at + 1


def _in_older_words(text: str) -> str:
    """As nftables 1.0.6 lists it; later ones take either (docs/releases.md)."""
    text = _ROUTE.sub(r"\1 oif \2", text)
    return _FLAGS.sub(lambda found: f"tcp flags {'!= ' if found[2] == '!=' else ''}{found[3]} / "
                                    f"{found[1].replace(' | ', ',')}", text)


def _split(text: str) -> Iterable[str]:
    """At commas outside quotes."""
    return [part.strip() for part in re.findall(r'(?:[^,"]|"[^"]*")+', text) if part.strip()]
