"""A table with one thing wrong in it, for every thing in it: enumerated from its listing.

From the text: the JSON of nftables 1.0.6 has no `dynamic` and no times below a second.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bed.table import Block, Line, Table, seconds
from model.statements import Statement, split

_OTHER_WORDS = {
    "host": "other", "other": "host", "multicast": "other", "broadcast": "host",  # of pkttype
    "new": "established", "invalid": "new", "established": "new", "related": "new", "untracked": "new",
    "invalid,related": "invalid", "original": "reply", "reply": "original", "dnat": "snat",
    "local": "unicast", "exists": "missing", "missing": "exists", "ipv4": "ipv6", "ipv6": "ipv4",
    "syn / fin,syn,rst,ack": "syn / fin,syn,rst", "syn / fin,syn": "syn / syn", "rst,ack": "rst",
    "fin,syn,rst": "fin,rst",
    '"lo"': '"eth0"', '"eth0"': '"eth1"', '"vrf"': '"bridge"', "echo-request": "echo-reply",
    "nd-redirect": "nd-router-advert", "fe80::/10": "fec0::/10", "none": "7411:7"}
_OPPOSITES = {"": "!=", "==": "!=", "!=": "", "!": "", ">": "<="}
_OTHER_HOOKS = {"prerouting": "input", "input": "prerouting", "forward": "prerouting", "output": "postrouting",
                "postrouting": "output"}
_HOOK = re.compile(r"type (\w+) hook (\w+) priority (\S+(?: [+-] \d+)?); policy (\w+);")
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0}
_FURTHER = 200  # steps of priority: past conntrack, or past all address translation


@dataclass(frozen=True)
class Mutant:
    """A table, and how it came about."""

    kind: str
    place: str  # of a block
    before: str
    after: str  # empty where it was removed
    table: Table
    rule: tuple[str, int] | None = None  # which one of a chain, where it is one

    @property
    def name(self) -> str:
        """The same for the same change, whatever else is in the table."""
        return f"{self.place}: {self.before} → {self.after or 'nothing'}"


def mutants(table: Table) -> Iterator[Mutant]:
    """All of them."""
    others = _Namesakes(table)
    for block in table.blocks:
        for kind, at, after, changed in _of_block(block, others):
            before = block.lines[at].text if isinstance(at, int) else at
            is_rule = block.kind == "chain" and not _HOOK.match(before)
            yield Mutant(kind, f"{block.kind} {block.name}", before, after, table.with_block(changed),
                         (block.name, at) if isinstance(at, int) and is_rule else None)


Change = tuple[str, int | str, str, Block]  # which line, or which element


class _Namesakes:
    """Which sets and maps could stand in another one's place."""

    def __init__(self, table: Table) -> None:
        self._types = {block.name: _type(block) for block in table.blocks if block.kind != "chain"}

    def swapped(self, text: str) -> Iterator[str]:
        """With each set that is named in it replaced by another of its type."""
        for name in re.findall(r"@(?!th,|nh,)(\w+)", text):
            fitting = sorted(other for other, its in self._types.items() if its == self._types[name])
            other = fitting[(fitting.index(name) + 1) % len(fitting)]
            if other != name:
                yield re.sub(rf"@{name}\b", f"@{other}", text)


def _type(block: Block) -> tuple[str, bool, bool]:
    dynamic, interval = (any(word in line.text for line in block.lines if line.text.startswith("flags"))
                         for word in ("dynamic", "interval"))
    return next(line.text for line in block.lines if line.text.startswith("type")), dynamic, interval


def _of_block(block: Block, others: _Namesakes) -> Iterator[Change]:
    for at, line in enumerate(block.lines):
        if block.kind != "chain":
            for kind, text in _attributes(line.text):
                yield kind, at, text, _with_line(block, at, text)
        elif _HOOK.match(line.text):
            for kind, text in _hooks(line.text):
                yield kind, at, text, _with_line(block, at, text)
        else:
            for kind, text in _rules(line.text, others):
                yield kind, at, text, _with_line(block, at, text)
    for at, element in enumerate(block.elements if not block.dynamic else ()):
        for kind, text in _elements(element, block.elements):
            rest = (*block.elements[:at], *([text] if text else []), *block.elements[at + 1:])
            yield kind, element, text, replace(block, elements=rest)


def _with_line(block: Block, at: int, text: str) -> Block:
    return replace(block, lines=(*block.lines[:at], *([Line(text)] if text else []), *block.lines[at + 1:]))


def _attributes(line: str) -> Iterator[tuple[str, str]]:
    if line.startswith("flags"):
        flags = line.removeprefix("flags ").split(",")
        for flag in flags:
            rest = ",".join(other for other in flags if other != flag)
            yield f"flag {flag}", f"flags {rest}" if rest else ""
    elif line.startswith("size"):
        yield "size", "size 1"
    elif line.startswith("limit"):
        yield "limit of a set", ""
        yield "limit of a set", line.replace("burst 1 ", "burst 2 ")


def _hooks(line: str) -> Iterator[tuple[str, str]]:
    found = _HOOK.fullmatch(line)
    if not found:
        raise ValueError(f"no hook: {line!r}")
    kind, hook, priority, policy = found.groups()
    name, sign, offset = re.fullmatch(r"([\w-]+)(?: ([+-]) (\d+))?", priority).groups()  # type: ignore[union-attr]
    number = _PRIORITIES[name] if name in _PRIORITIES else int(name)
    number += int(f"{sign}{offset}") if sign else 0
    yield "hook", f"type {kind} hook {_OTHER_HOOKS[hook]} priority {priority}; policy {policy};"
    for step in (-_FURTHER, _FURTHER):
        yield "priority", f"type {kind} hook {hook} priority {number + step}; policy {policy};"
    yield "policy", line.replace(f"policy {policy}", "policy " + {"accept": "drop", "drop": "accept"}[policy])


def _elements(element: str, all_of_them: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    key, colon, data = element.partition(" : ")
    yield "element removed", ""
    yield "element's key", _next_number(key) + colon + data
    if not colon:
        return
    targets = sorted({other.partition(" : ")[2] for other in all_of_them} - {data})
    if targets and " " in data:
        yield "element's value", f"{key} : {targets[0]}"
    elif " " in data:
        yield "element's value", f"{key} : accept"
    else:
        yield "element's value", f"{key} : " + ("drop" if data == "accept" else _next_number(data))


def _next_number(text: str) -> str:
    """With the last number in it (of an address, its last but in a network) one higher; of a range, the end."""
    label, quote, rest = text.partition(" comment ")
    if label.startswith('"'):
        return '"another' + label[1:]
    found = re.fullmatch(r"([0-9a-f.:]+)/(\d+)(.*)", label)
    if found and not found[3]:
        return f"{found[1]}/{int(found[2]) + 1}{quote}{rest}"
    at = re.fullmatch(r"(.*?)(0x)?([0-9a-f]+)", label)
    if not at:
        raise ValueError(f"no number in {text!r}")
    is_hexadecimal = bool(at[2]) or ":" in label
    is_classid = is_hexadecimal and not at[2] and not label.endswith("::")
    value = int(at[3], 16 if is_hexadecimal else 10)
    low = (value + 1) % 0x10000 if is_classid else value + 1 if value not in (65535, 0xffffffff) else value - 1
    return f"{at[1]}{at[2] or ''}{low:{'x' if is_hexadecimal else 'd'}}{quote}{rest}"


def _rules(rule: str, others: _Namesakes) -> Iterator[tuple[str, str]]:
    """Removed as a whole, or with one of its statements changed."""
    statements = split(rule)
    yield "rule removed", ""
    for at, statement in enumerate(statements):
        rest = (*statements[:at], *statements[at + 1:])
        if any(other.kind != "match" for other in rest):
            yield f"{statement.kind} removed", " ".join(map(str, rest))
        for kind, text in _changed(statement, others):
            yield kind, " ".join([*map(str, statements[:at]), text, *map(str, statements[at + 1:])])


def _changed(one: Statement, others: _Namesakes) -> Iterator[tuple[str, str]]:
    for text in others.swapped(str(one)):
        yield "another set", text
    for text in _keys(one):
        yield "key", text
    if one.kind == "match":
        yield "match negated", str(replace(one, operator=_OPPOSITES[one.operator]))
        for right in _other_values(one.right):
            yield "value", str(replace(one, right=right))
    elif one.kind == "verdict":
        for verdict in _other_verdicts(one.left):
            yield "verdict", verdict
    elif one.kind == "update":
        yield from _updates(one)
    elif one.kind == "set":
        for right in _other_values(one.right):
            yield "value set", str(replace(one, right=right))
    elif one.kind in ("log", "limit", "nat", "reject"):
        for text in _numbers(one.left):
            yield one.kind, text
    elif one.kind != "vmap":
        raise ValueError(f"nothing to change in {one}")


def _keys(one: Statement) -> Iterator[str]:
    """Prefixes of sources left away, and constants in concatenations one higher."""
    text = str(one)
    for found in re.finditer(r"(ip6? saddr) & [0-9a-f.:]+", text):
        yield text[:found.start()] + found[1] + text[found.end():]
    for found in re.finditer(r"& ([0-9a-fx:]+) \| \1", text):
        number = _next_number(found[1])
        yield f"{text[:found.start()]}& {number} | {number}{text[found.end():]}"
    if one.kind == "update":
        for found in re.finditer(r"(?<= \. )[0-9a-fx:]+(?= (?:timeout|\.|\}))", text):
            yield text[:found.start()] + _next_number(found[0]) + text[found.end():]


def _other_values(value: str) -> Iterator[str]:
    if value.startswith("{"):
        members = value.strip("{} ").split(", ")
        for member in members:
            yield "{ " + ", ".join(other for other in members if other != member) + " }"
    elif value in _OTHER_WORDS:
        yield _OTHER_WORDS[value]
    elif re.fullmatch(r"0-\d+", value):
        yield value.replace("0-", "1-")
    elif re.fullmatch(r"\d+|0x[0-9a-f]+|[0-9a-f]+:[0-9a-f]+", value):
        yield _next_number(value)
    elif "/" in value:
        yield _next_number(value)
    elif not re.search(r"@|\b(meta|ct|tcp|ip6?)\b", value):
        raise ValueError(f"no other value is known for {value!r}")


def _other_verdicts(verdict: str) -> Iterator[str]:
    word, _, target = verdict.partition(" ")
    if target:
        if word == "jump":
            yield f"goto {target}"
        yield "accept"
        yield "drop"
    else:
        yield {"accept": "drop", "drop": "accept", "return": "accept"}[word]


def _updates(one: Statement) -> Iterator[tuple[str, str]]:
    yield "verb", str(replace(one, left={"update": "add", "add": "update"}[one.left]))
    found = re.search(r" timeout (\w+)", one.right)
    if found:
        longer = f" timeout {round(seconds(found[1]) * 10_000)}ms"
        yield "timeout ten times", str(replace(one, right=one.right.replace(found[0], longer)))
        yield "timeout removed", str(replace(one, right=one.right.replace(found[0], "")))
    if " counter " in one.right:
        yield "counter removed", str(replace(one, right=one.right.replace(" counter ", " ")))


def _numbers(text: str) -> Iterator[str]:
    """What a log, a limit, a nat or a reject says, otherwise."""
    if text == "reject":
        yield "drop"
    elif text.startswith("reject"):
        yield "reject"
    elif text.startswith("dnat"):
        yield text.replace(":1", ":2")
    elif text.startswith("log"):
        yield re.sub(r'prefix "(.*?)"', r'prefix "\1s"', text)
        yield re.sub(r"group (\d+)", lambda found: f"group {int(found[1]) + 1}", text)
        yield re.sub(r"snaplen (\d+)", lambda found: f"snaplen {int(found[1]) + 4}", text)
    else:
        yield re.sub(r"burst \d+", "burst 1", text)
