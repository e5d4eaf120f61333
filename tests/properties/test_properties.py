"""For any two declarations: where an apply leads does not depend on where it began, and takes nobody's grant."""
from __future__ import annotations

import json
import os

import pytest
from hypothesis import HealthCheck, assume, event, example, given, settings

import gate
import survivors
import table
import traffic
from bed import Lab
from bed.table import Table, parse
from declarations import Pair, pairs

EXAMPLES = int(os.environ.get("KNOCKWORK_PROPERTIES", "0"))
USUAL = 50
pytestmark = pytest.mark.timeout(600 + 10 * EXAMPLES)
_DYNAMIC_STEPS = ("expected", "excused", "begun", "spent", "counted")


def examples(usual: int) -> settings:
    """The same ones in every usual run; others in every long one."""
    return settings(max_examples=EXAMPLES or usual, derandomize=not EXAMPLES, deadline=None, database=None,
                    print_blob=True, suppress_health_check=list(HealthCheck))


def _valid(pair: Pair) -> None:
    import knockwork
    for text in (pair.before, pair.after):
        try:
            knockwork.load(text)
        except knockwork.InvalidDeclaration:
            assume(False)


def _apply(lab: Lab, text: str) -> gate.Said:
    return lab.server.call(gate.apply, text)


_ALICE = {"name": "alice", "knock": ["7000/udp"], "opens": ["22/tcp"], "open_for": "1h"}
_WITHOUT_A_TWIN = Pair(*(json.dumps({"knockwork": 1, "sequences": sequences}) for sequences in (
    [_ALICE, {**_ALICE, "name": "bob", "interfaces": ["!eth1"]}], [_ALICE])))  # whom the same knocks let in elsewhere


@examples(USUAL)
@given(pair=pairs())
@example(pair=_WITHOUT_A_TWIN)
def test_two_declarations(lab: Lab, pair: Pair) -> None:
    """A then B is B, and plans nothing more; A again is A; what both allow is there all the time."""
    _valid(pair)
    call = lab.server.call
    call(gate.forget)
    _apply(lab, pair.before)
    first = call(gate.look)
    left = traffic.send(lab, first.listing, _token_ports(pair.before))
    seen = call(gate.look)
    assert table.configuration(seen.listing) == table.configuration(first.listing)
    event("live elements: " + ("some" if table.live(parse(seen.listing)) else "none"))

    checked = _changes_nothing(lab, pair.after)
    done = _apply(lab, pair.after)
    assert _but_for_tokens(done) == _but_for_tokens(checked)
    after = call(gate.look)
    _is_whole(parse(after.listing))
    assert done.changed or table.configuration(after.listing) == table.configuration(seen.listing)
    _is_settled(lab, pair.after)
    _have_survived(pair.before, pair.after, seen, after)

    _apply(lab, pair.before)
    again = call(gate.look)
    assert table.configuration(again.listing) == table.configuration(first.listing)
    _is_settled(lab, pair.before)
    _have_survived(pair.after, pair.before, after, again)
    _opens_once(lab, left)

    call(gate.forget)
    _apply(lab, pair.after)
    alone = call(gate.look)
    assert table.configuration(after.listing) == table.configuration(alone.listing)
    call(gate.load_rendered, pair.after)
    assert table.configuration(call(gate.look).listing) == table.configuration(alone.listing)


def _token_ports(text: str) -> dict[str, int]:
    return {each["name"]: int(str(each["token"]["port"]).partition("/")[0])
            for each in json.loads(text)["sequences"] if "token" in each}


def _but_for_tokens(said: gate.Said) -> list[tuple[str, ...]]:
    return [change for change in said.changes if change[1] != "tokens"]


def _changes_nothing(lab: Lab, text: str) -> gate.Said:
    """A check and a plan, which say the same."""
    files, generation = lab.server.call(gate.files), lab.generation()
    checked = lab.server.call(gate.apply, text, True)
    assert lab.server.call(gate.plan, text) == checked
    assert lab.generation() == generation
    assert lab.server.call(gate.files) == files
    return checked


def _is_settled(lab: Lab, text: str) -> None:
    """Nothing more to do, and nothing is done."""
    generation = lab.generation()
    assert not lab.server.call(gate.plan, text).changed
    assert not _apply(lab, text).changed
    assert lab.generation() == generation


def _is_whole(listed: Table) -> None:
    """What packets left leads to steps that there are."""
    steps = {step.edge for steps in table.tracks(listed).values() for step in steps}
    for name, keys in table.live(listed).items():
        if name.startswith(_DYNAMIC_STEPS):
            assert {key.split(" . ")[-1] for key in keys} <= steps, name


def _have_survived(before: str, after: str, seen: gate.Seen, now: gate.Seen) -> None:
    """And for as long as they had."""
    old, new = parse(seen.listing), parse(now.listing)
    was, live = table.live(old), table.live(new)
    passed = now.ended - seen.begun
    for name, key, renamed in survivors.lasting(survivors.declared(before, old), survivors.declared(after, new), was):
        expires = was[name][key]
        if 0 < expires < passed + 1:
            continue
        assert renamed in live.get(name, {}), f"{name} has lost {key}"
        left = live[name][renamed]
        assert (left > 0) == (expires > 0) and left > expires - passed - 1, f"{name}: {key} ends earlier"


def _opens_once(lab: Lab, left: traffic.Left) -> None:
    """A token that was used opens no more, whatever was applied meanwhile."""
    for name, (token, port) in left.tokens.items():
        source = "10.200.201.1"
        lab.callers.call(traffic.send_token, source, port, token)
        live = table.live(parse(lab.server.call(gate.look).listing))
        assert not any(key.startswith("10.200.201.") for key in live.get("holders4", {})), name
