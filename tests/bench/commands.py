"""Rows of commands: whole processes of `knockwork`, beside the work that nobody can do without."""
from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing

import declarations
import turns
from bed.host import Host
from programs import DECLARATION, KNOCKWORK, rendered
from table import Measured, Scale

_NFT = "/usr/sbin/nft"
_TABLE = ("inet", "knockwork")
_LIST = [_NFT, "list", "table", *_TABLE]
_LIST_JSON = [_NFT, "-j", *_LIST[1:]]
_APPLY = [str(KNOCKWORK), "apply"]
_CSAFE = "import sys, yaml; yaml.load(open(sys.argv[1]), Loader=yaml.CSafeLoader)"


class _Costs:
    """Of commands by name, each measured again and again on one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._taken: dict[str, list[turns.Cost]] = {}

    def run(self, name: str, argv: Sequence[str]) -> None:
        cost: turns.Cost = self._host.call(turns.once, argv, self._host.environment)
        self._taken.setdefault(name, []).append(cost)

    def seconds(self, *names: str) -> list[float]:
        """Of these one after the other."""
        return [sum(cost.seconds for cost in each) for each in zip(*(self._taken[name] for name in names))]

    def memory(self, *names: str) -> list[float]:
        """Of the greediest of these."""
        return [max(cost.memory for cost in each) for each in zip(*(self._taken[name] for name in names))]


def measure(scale: Scale) -> Measured:
    """All rows of the room."""
    return {**_applies(scale), **_small(scale), **_observers(scale)}


def _clear(host: Host) -> None:
    """As if nothing had ever been applied."""
    host.run([_NFT, "delete", "table", *_TABLE])
    host.run(["rm", "-rf", "/run/knockwork", "/var/lib/knockwork"], check=True)


def _applies(scale: Scale) -> Measured:
    """10,000 sequences: from nothing; unchanged by the stamp, and by comparison; one of them changed."""
    declaration = declarations.many(scale.size(10_000, 50))
    with closing(Host("bench")) as host:
        host.write("/run/rendered.nft", rendered(declaration))
        costs = _Costs(host)
        for _ in range(scale.rounds):
            host.write(DECLARATION, declaration, 0o600)
            _clear(host)
            costs.run("load", [_NFT, "-f", "/run/rendered.nft"])
            costs.run("list", _LIST)
            costs.run("json", _LIST_JSON)
            costs.run("python", ["/usr/bin/python3", "-c", _CSAFE, DECLARATION])
            costs.run("validate", [str(KNOCKWORK), "validate", DECLARATION])
            _clear(host)
            costs.run("nothing", _APPLY)
            costs.run("unchanged", _APPLY)
            host.run(["rm", "-rf", "/run/knockwork"], check=True)
            costs.run("compared", _APPLY)
            host.write(DECLARATION, declarations.changed(declaration), 0o600)
            costs.run("changed", _APPLY)
        return {
            "nothing": (costs.seconds("nothing"), costs.seconds("load", "list")),
            "nothing memory": (costs.memory("nothing"), costs.memory("load", "list")),
            "unchanged": (costs.seconds("unchanged"), costs.seconds("json")),
            "compared": (costs.seconds("compared"), costs.seconds("json")),
            "compared memory": (costs.memory("compared"), costs.memory("json")),
            "changed": (costs.seconds("changed"), costs.seconds("load")),
            "validate": (costs.seconds("validate"), costs.seconds("python")),
        }


def _small(scale: Scale) -> Measured:
    """Five sequences, applied already: the usual run of a timer."""
    with closing(Host("bench")) as host:
        host.write(DECLARATION, declarations.many(5), 0o600)
        host.run(_APPLY, check=True)
        ours, theirs = host.call(turns.take, [_APPLY, _LIST], scale.rounds * scale.size(40, 1), host.environment)
    return {"small": ([each * 1000 for each in ours], [each * 1000 for each in theirs])}


def _observers(scale: Scale) -> Measured:
    """`status` and `metrics` with 10,000 sequences and as many grants."""
    count = scale.size(10_000, 50)
    with closing(Host("bench")) as host:
        host.write(DECLARATION, declarations.many(count), 0o600)
        host.run([*_APPLY, "--quiet"], timeout=300, check=True)
        advance = host.output([_NFT, "list", "map", *_TABLE, "advance"])
        edges = re.findall(r'(\w+:\w+) comment "user', advance)
        assert len(edges) == count
        for name, tails in (("holders4", edges), ("granted4", ["6 . 22"] * count)):
            elements = ", ".join(f"10.{number >> 8}.{number & 255}.1 . {tail} timeout 1h"
                                 for number, tail in enumerate(tails))
            host.nft(f"add element inet knockwork {name} {{ {elements} }}\n")
        costs = _Costs(host)
        for _ in range(scale.rounds):
            costs.run("json", _LIST_JSON)
            costs.run("status", [str(KNOCKWORK), "status"])
            costs.run("status json", [str(KNOCKWORK), "status", "--json"])
            costs.run("metrics", [str(KNOCKWORK), "metrics"])
        return {**{name: (costs.seconds(name), costs.seconds("json"))
                   for name in ("status", "status json", "metrics")},
                "status memory": (costs.memory("status json"), costs.memory("json")),
                "metrics memory": (costs.memory("metrics"), costs.memory("json"))}
