"""Whatever a hand does to the table is seen by plan and repaired by apply, and nothing else is touched.

The tampering is enumerated from the live listing, line by line and element by element, so no object can
be missed: each is removed, altered and added to. Every case loads the altered table in one transaction,
so what refers to a removed object goes with it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from bed import CommandFailed, Lab
from bed.cli import ROOT, Knockwork
from bed.table import Block, Line, Table

EVERY = int(os.environ.get("KNOCKWORK_DRIFT_EVERY") or 1)  # more than 1: a sample

GATE = """\
knockwork: 1
always_allow: [192.0.2.0/28, "2001:db8::/48"]
refuse: reject
sequences:
  - name: ssh
    knock: [7000/udp, 7000/udp, 9000/tcp]
    opens: [22/tcp]
    step_timeout: 1500ms
  - name: mosh
    knock: [7000/udp, 8000/udp]
    opens: [443/tcp, 60000-60010/udp]
    sequence_timeout: 9s
    from: [10.0.0.0/8, "fd00::/8"]
"""

STEALTH = """\
knockwork: 1
mode: stealth
public: [80/tcp, 8000-8010/tcp]
interfaces: [eth0, wg0]
sequences:
  - name: ssh
    knock: [7000/udp, 9000/udp]
    opens: [22/tcp]
"""

IGNORE = """\
knockwork: 1
wrong_knock: ignore
sequences:
  - name: ssh
    knock: [7000/udp]
    opens: [22/tcp]
"""


EVERYTHING = (ROOT / "tests/golden/everything.yml").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Tampering:
    """One thing that a hand did. `target` names the object, `wanted` whether the kernel has to take it."""

    target: str
    deed: str
    table: Table

    def __str__(self) -> str:
        return f"{self.target}: {self.deed}"


def tamperings(table: Table) -> Iterator[Tampering]:
    """Everything that can be removed from, altered in or added to a table."""
    yield Tampering("table", "asleep", replace(table, attributes=(*table.attributes, "flags dormant")))
    for stranger in STRANGERS:
        yield Tampering("table", f"{stranger.kind} added", replace(table, blocks=(*table.blocks, stranger)))
    for block in table.blocks:
        yield Tampering(block.name, "removed", without(table, block))
        if block.kind == "chain":
            yield from rules_of(table, block)
        else:
            yield from elements_of(table, block)
        for line in block.lines:
            if not line.handle:
                yield from attribute(table, block, line)


def by_target(all_of_them: Iterator[Tampering]) -> list[list[Tampering]]:
    """All that is done to one object, object by object."""
    deeds: dict[str, list[Tampering]] = {}
    for tampering in all_of_them:
        deeds.setdefault(tampering.target, []).append(tampering)
    return list(deeds.values())


STRANGERS = (
    Block("set", "stranger", lines=(Line("type ipv4_addr"),), elements=("192.0.2.1",)),
    Block("map", "stranger", lines=(Line("type mark : verdict"),), elements=("0x1 : accept",)),
    Block("chain", "stranger", lines=(Line("counter accept"),)),
    Block("chain", "stranger", lines=(Line("type filter hook input priority 0; policy accept;"),)),
    Block("counter", "stranger", lines=(Line("packets 0 bytes 0"),)),
    Block("quota", "stranger", lines=(Line("over 10 mbytes"),)),
    Block("limit", "stranger", lines=(Line("rate 10/second"),)),
)


def without(table: Table, gone: Block) -> Table:
    """The table without a block and without whatever refers to it."""
    name = re.compile(rf"(@|goto |jump ){gone.name}\b")

    def stripped(block: Block) -> Block:
        return replace(block, lines=tuple(line for line in block.lines if not name.search(line.text)),
                       elements=tuple(element for element in block.elements if not name.search(element)))

    return replace(table, blocks=tuple(stripped(block) for block in table.blocks if block is not gone))


def rules_of(table: Table, chain: Block) -> Iterator[Tampering]:
    """Each rule removed, altered, doubled or swapped with the next; one more at the end."""
    lines = chain.lines
    for at, line in enumerate(lines):
        if not line.handle:
            continue
        target = f"{chain.name} rule {at}"
        swapped = lines[:at] + lines[at + 1:at + 2] + (line,) + lines[at + 2:]

        def instead(*texts: str) -> tuple[Line, ...]:
            return lines[:at] + tuple(Line(text) for text in texts) + lines[at + 1:]

        altered = (("counts", instead("counter " + line.text)),
                   ("commented", instead(line.text + ' comment "x"')),
                   ("replaced", instead("meta mark 0x5 accept")))
        moved = (("doubled", instead(line.text, line.text)), ("swapped", swapped))
        for deed, changed in (("removed", instead()), altered[at % 3], moved[at % 2]):
            if changed != lines:
                yield Tampering(target, deed, table.with_block(replace(chain, lines=changed)))
    yield Tampering(chain.name, "a rule added", table.with_block(
        replace(chain, lines=(*lines, Line("tcp dport 1 drop")))))


def elements_of(table: Table, block: Block) -> Iterator[Tampering]:
    """Each element removed, led elsewhere or commented; one more of its kind, in sets of packets too."""
    if block.dynamic:
        yield Tampering(block.name, "an eternal element added", table.with_block(
            replace(block, elements=(*block.elements, _sample(block)))))
        return
    for at, element in enumerate(block.elements):
        target = f"{block.name} element {element}"
        others = block.elements[:at] + block.elements[at + 1:]
        altered = (("led elsewhere", (*others, _elsewhere(element))),
                   ("commented", (*others, _commented(element))))
        for deed, changed in (("removed", others), altered[at % 2]):
            if set(changed) != set(block.elements):
                yield Tampering(target, deed, table.with_block(replace(block, elements=changed)))
    yield Tampering(block.name, "an element added", table.with_block(
        replace(block, elements=(*block.elements, _sample(block)))))


def _elsewhere(element: str) -> str:
    key, colon, value = element.partition(" : ")
    if not colon:
        return re.sub(r"\d+(?=\D*$)", lambda digits: str(int(digits[0]) ^ 1), key)
    return key + (" : drop" if value[0].isalpha() else " : 0x0badcafe")


def _commented(element: str) -> str:
    key, colon, value = element.partition(" : ")
    return f'{key.partition(" comment ")[0]} comment "x"{colon}{value}'


_SAMPLES = {"ifname": '"eth9"', "ipv4_addr": "203.0.113.99", "ipv6_addr": "2001:db8:99::",
            "mark": "0x00000777", "classid": "7:77", "inet_proto": "6", "inet_service": "777", "nf_proto": "ipv4",
            "verdict": "drop"}


def _sample(block: Block) -> str:
    """An element that fits the block's type."""
    kind = next(line.text for line in block.lines if line.text.startswith("type ")).removeprefix("type ")
    return re.sub(r"\w+", lambda word: _SAMPLES[word[0]], kind)


def attribute(table: Table, block: Block, line: Line) -> Iterator[Tampering]:
    """An attribute of a set or base chain altered, or removed where nftables can do without."""
    word = line.text.split()[0]
    others = tuple(other for other in block.lines if other is not line)

    def altered(deed: str, text: str, base: Table = table) -> Tampering:
        changed = replace(block, lines=(Line(text), *others) if text else others)
        if base is bare:
            changed = replace(changed, elements=())
        return Tampering(f"{block.name} {word}", deed, base.with_block(changed))

    bare = without(table, block)  # what refers to it might not suit it any more
    bare = replace(bare, blocks=(*bare.blocks, block))
    if word == "size":
        yield altered("altered", f"size {int(line.text.split()[1]) + 1}")
        yield altered("removed", "")
    elif word == "limit":
        yield altered("altered", line.text.replace("burst 1 ", "burst 2 "))
        yield altered("removed", "")
    elif word == "flags":
        for flag in ("timeout", "interval", "dynamic", "constant"):
            flags = sorted(set(line.text.removeprefix("flags ").split(",")) ^ {flag})
            yield altered(f"without or with {flag}", "flags " + ",".join(flags) if flags else "", bare)
        yield altered("removed", "", bare)
    elif " hook " in line.text:
        for old, new in (("policy accept", "policy drop"), ("policy drop", "policy accept"),
                         ("hook prerouting", "hook input"), ("priority mangle", "priority raw")):
            if old in line.text:
                yield altered(f"{old} → {new}", line.text.replace(old, new))
        yield altered("removed: no base chain", "")
    elif word == "type":
        kind = line.text.removeprefix("type ")
        other = "ether_addr" + kind[kind.index(" : "):] if " : " in kind else "ether_addr"
        yield altered(f"{kind} → {other}", f"type {other}", bare)
    else:
        raise AssertionError(f"an attribute that this test does not know: {block.name}: {line.text}")


PARTS = 4  # of each table's objects, each a test of its own


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("declaration", [GATE, STEALTH, IGNORE, EVERYTHING],
                         ids=["gate", "stealth", "ignore", "everything"])
def test_every_object(lab: Lab, knockwork: Knockwork, declaration: str, part: int) -> None:
    """Each object of the table, altered, removed or added to: seen, repaired, nothing else touched."""
    knockwork.apply(declaration)
    made = knockwork.table()
    wanted = made.configuration()
    faults, taken = [], set()
    objects = by_target(tamperings(made))[part::PARTS]
    if declaration is EVERYTHING:  # one deed for each, another for the next: the smaller tables see all of them
        chosen = [each[number % len(each)] for number, each in enumerate(objects)]
    else:
        chosen = [tampering for each in objects for tampering in each]
    for tampering in chosen[::EVERY]:
        try:
            lab.server.nft("delete table inet knockwork\n" + tampering.table.text())
        except CommandFailed:
            continue
        before = knockwork.table()
        if before.configuration() == wanted:
            continue  # nftables reads it as the same
        taken.add(tampering.target)
        fault = repair(knockwork, before, wanted)
        if fault:
            faults.append(f"{tampering}: {fault}")
            lab.server.nft("delete table inet knockwork\n" + made.text())
    assert not faults, "\n".join(faults)
    assert not knockwork.differs()
    if EVERY == 1 and declaration is not EVERYTHING:
        untouched = {tampering.target for tampering in chosen} - taken
        assert not untouched, f"tampered with in no way at all: {untouched}"


def repair(knockwork: Knockwork, before: Table, wanted: str) -> str:
    """What went wrong with seeing and repairing; empty where nothing did."""
    if not knockwork.differs():
        return "not seen"
    knockwork.apply()
    after = knockwork.table()
    if after.configuration() != wanted:
        return "not repaired:\n" + after.configuration()
    return remade(before, after)


def remade(before: Table, after: Table) -> str:
    """A set, a chain or a chain's rules that were right before and have been made anew nevertheless."""
    olds = {(block.kind, block.name): block for block in before.blocks}  # a map may be a chain's namesake
    right = {key for block in after.blocks for key in [(block.kind, block.name)]
             if key in olds and _shape(olds[key]) == _shape(block)}
    wrong = re.compile("|".join(rf"(@|goto |jump ){name}\b" for _, name in {*olds} - right) or "$^")
    for block in after.blocks:
        if (block.kind, block.name) not in right:
            continue
        old = olds[block.kind, block.name]
        if old.handle != block.handle:
            return f"{block.kind} {block.name} made anew for nothing"
        texts = [line.text for line in old.lines]
        if texts == [line.text for line in block.lines] and old.lines != block.lines and not any(
                map(wrong.search, texts)):
            return f"the rules of {block.name} made anew for nothing"
    return ""


def _shape(block: Block) -> set[str]:
    return {line.text for line in block.lines if not line.handle}


def test_removals_by_handle(lab: Lab, knockwork: Knockwork) -> None:
    """`nft delete` of every single object: refused while something refers to it, else seen and repaired."""
    knockwork.apply(GATE)
    wanted = knockwork.table().configuration()
    outcomes: dict[str, set[str]] = {}
    for block in knockwork.table().blocks:
        for line in block.rules:
            text = f"delete rule inet knockwork {block.name} handle"
            outcomes.setdefault("rule", set()).add(_delete(knockwork, wanted, text, block.name, line.text))
        text = f"delete {block.kind} inet knockwork {block.name}"
        outcomes.setdefault(block.kind, set()).add(_delete(knockwork, wanted, text))
    assert outcomes == {"rule": {"repaired"}, "set": {"busy"}, "map": {"busy"},
                        "chain": {"busy", "repaired"}}  # nothing refers to a base chain


def _delete(knockwork: Knockwork, wanted: str, command: str, chain: str = "", rule: str = "") -> str:
    if chain:  # the handle of today: the repair before this one made the chain's rules anew
        rules = next(block.rules for block in knockwork.table().blocks
                     if (block.kind, block.name) == ("chain", chain))  # a map may be its namesake
        command += f" {next(line.handle for line in rules if line.text == rule)}"
    done = knockwork.host.run(["nft", command])
    if done.returncode != 0:
        assert "Device or resource busy" in done.stderr
        return "busy"
    assert knockwork.differs(), command
    knockwork.apply()
    assert knockwork.table().configuration() == wanted, command
    return "repaired"


def test_a_flushed_ruleset_comes_back(lab: Lab, knockwork: Knockwork) -> None:
    """After `nft flush ruleset` (Debian's nftables.service) apply makes the table again."""
    knockwork.apply(GATE)
    wanted = knockwork.table().configuration()
    lab.server.run(["nft", "flush", "ruleset"], check=True)
    assert knockwork.differs()
    knockwork.apply()
    assert knockwork.table().configuration() == wanted
