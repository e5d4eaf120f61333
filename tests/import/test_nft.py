"""The table that was imported and the gate that was made of it get the same packets, and let in the same sources."""

import itertools
import time
from collections import defaultdict
from typing import Any

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


class Attempts:
    """Callers at one sequence; which of them come in."""

    def __init__(self, lab: Lab, foreign: Foreign, sequence: dict[str, Any]) -> None:
        self._knocks: list[str] = sequence["knock"]
        self.time = float(sequence.get("step_timeout", "5s").rstrip("s"))
        self._port, _, self._protocol = sequence["opens"][0].partition("/")
        self._callers: dict[str, Caller] = defaultdict(lambda: source(lab, foreign))
        self.result: dict[str, bool] = {}

    def begin(self) -> None:
        """All that is over at once; one stops before its last knock."""
        knocks = self._knocks
        sent: dict[str, list[str]] = {
            "nothing": [], "right": knocks, "all but the last": knocks[:-1], "all but the first": knocks[1:],
            "backwards": knocks[::-1], "another port between": [knocks[0], "62001/udp", *knocks[1:]]}
        if len(set(knocks)) != len(knocks):
            del sent["backwards"]
        for what, each in sent.items():
            self._callers[what].knock(*each)
            self._ask(what)
        for knock in knocks:
            self._callers["with another"].knock(knock)
            self._callers["another"].knock(knock)
        self._ask("with another")
        self._ask("another")
        self._callers["too slow"].knock(*knocks[:-1])

    def end(self) -> None:
        """Where the time of a step is over."""
        self._callers["too slow"].knock(self._knocks[-1])
        self._ask("too slow")

    def _ask(self, what: str) -> None:
        caller, port = self._callers[what], int(self._port)
        self.result[what] = (caller.tcp(port) if self._protocol == "tcp" else caller.udp(port)) == "open"


def opened(lab: Lab, foreign: Foreign, sequences: list[dict[str, Any]]) -> list[dict[str, bool]]:
    """What was sent to each sequence, and whether its first service is open then."""
    attempts = [Attempts(lab, foreign, each) for each in sequences]
    for each in attempts:
        each.begin()
    time.sleep(max(each.time for each in attempts) + 0.3)
    for each in attempts:
        each.end()
    return [each.result for each in attempts]


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
        found.append(opened(lab, foreign, declared))
    server.host.nft("flush ruleset")
    if "mode: stealth" in made.declaration:  # by design: any closed port is a wrong knock there
        assert all(each.pop("another port between") for each in found[0])
        assert not any(each.pop("another port between") for each in found[1])
    assert found[0] == found[1]
    assert all(each["right"] and not each["nothing"] for each in found[0])
