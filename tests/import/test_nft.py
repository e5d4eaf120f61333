"""The table that was imported and the gate that was made of it get the same packets, and let in the same sources."""

import itertools
import time

import pytest
import yaml  # type: ignore[import]

from bed import Caller, Lab
from bed.cli import Knockwork
from sources import HERE, Foreign, corpus, imported, own

FILES = [foreign for foreign in own() + corpus() if foreign.kind == "nft"]
NUMBERS = itertools.count(1)


def source(lab: Lab, foreign: Foreign) -> Caller:
    """That no packet came from before, nor from its /64; IPv6 where the file has no other."""
    number = next(NUMBERS)
    ipv6 = "table ip6 " in foreign.path.read_text(encoding="utf-8")
    return lab.caller(f"fd99:0:{number:x}::1" if ipv6 else f"10.200.{number // 200}.{number % 200 + 1}")


def opened(lab: Lab, foreign: Foreign, sequence: dict[str, list[str]], wait: float) -> dict[str, bool]:
    """What was sent, and whether the sequence's first service is open then."""
    knocks = sequence["knock"]
    sent: dict[str, list[str]] = {
        "nothing": [], "right": knocks, "all but the last": knocks[:-1], "all but the first": knocks[1:],
        "backwards": knocks[::-1], "another port between": [knocks[0], "62001/udp", *knocks[1:]]}
    callers = {what: source(lab, foreign) for what in (*sent, "with another", "another", "too slow")}
    if len(set(knocks)) != len(knocks):
        del sent["backwards"]
    port, _, protocol = sequence["opens"][0].partition("/")
    result = {}

    def ask(what: str) -> None:
        result[what] = (callers[what].tcp(int(port)) if protocol == "tcp" else callers[what].udp(int(port))) == "open"

    for what, each in sent.items():
        callers[what].knock(*each)
        ask(what)
    for knock in knocks:
        callers["with another"].knock(knock)
        callers["another"].knock(knock)
    ask("with another")
    ask("another")
    callers["too slow"].knock(*knocks[:-1])
    time.sleep(wait)
    callers["too slow"].knock(knocks[-1])
    ask("too slow")
    return result


def seconds(text: str) -> float:
    """Of a short time: "5s"."""
    return float(text.rstrip("s"))


@pytest.mark.parametrize("foreign", FILES, ids=str)
def test_same_packets(lab: Lab, server: Knockwork, foreign: Foreign) -> None:
    made = imported("nft", foreign.path.read_bytes())
    table = foreign.path.read_text(encoding="utf-8")
    declared = yaml.safe_load(made.declaration)["sequences"]
    found = []
    for gate in (False, True):
        server.host.nft("flush ruleset")
        if gate:
            server.apply(made.declaration)
        else:
            server.host.nft(table)
        found.append([opened(lab, foreign, each, seconds(each.get("step_timeout", "5s")) + 0.3) for each in declared])
    server.host.nft("flush ruleset")
    if "mode: stealth" in made.declaration:  # by design: any closed port is a wrong knock there
        assert all(each.pop("another port between") for each in found[0])
        assert not any(each.pop("another port between") for each in found[1])
    assert found[0] == found[1]
    assert all(each["right"] and not each["nothing"] for each in found[0])
