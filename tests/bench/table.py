"""The table of tests/bench/run: every row and its bound, which stands here and nowhere else.

A room of rows is a module of the same name; its measure() returns the samples of each row by its key.
"""
from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

Measured = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # samples of ours and theirs, by key


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rounds: int = 5  # of each, in turns
    quick: bool = False  # only to see whether the bench works: its numbers mean nothing

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


class Bound(NamedTuple):
    sign: str
    limit: float

    def held(self, ratio: float) -> bool:
        return ratio <= self.limit if self.sign == "≤" else ratio >= self.limit


def at_most(limit: float) -> Bound:
    return Bound("≤", limit)


def at_least(limit: float) -> Bound:
    return Bound("≥", limit)


@dataclass(frozen=True)
class Row:
    """What is measured: ours / theirs, and the bound of the ratio."""

    key: str
    title: str
    unit: str
    bound: Bound | None = None


ROWS: dict[str, tuple[Row, ...]] = {
    "packets": (
        Row("stealth 1", "flood: stealth, 1 sequence, all features / policy drop", "kpkt/s", at_least(0.95)),
        Row("stealth 1000", "flood: stealth, 1,000 sequences, all features / policy drop", "kpkt/s", at_least(0.95)),
        Row("stealth 10000", "flood: stealth, 10,000 sequences, all features / policy drop", "kpkt/s", at_least(0.90)),
        Row("gate 1", "flood: gate, 1 sequence / one rule of ct state", "kpkt/s", at_least(0.95)),
        Row("gate 10000", "flood: gate, 10,000 sequences / one rule of ct state", "kpkt/s", at_least(0.90)),
        Row("gate 10000 full", "flood: gate, 10,000 sequences, all features / without them", "kpkt/s", at_least(0.85)),
        Row("classic 100", "flood: 100 sequences / the classic example", "kpkt/s", at_least(4)),
        Row("classic 1000", "flood: 1,000 sequences / the classic example", "kpkt/s", at_least(25)),
    ),
    "connections": (
        Row("throughput", "TCP throughput through an open gate / no table", "Gbit/s", at_least(0.98)),
        Row("tracked throughput", "TCP throughput with one rule of ct state / no table", "Gbit/s"),
        Row("protected", "new connections through an open gate / no table", "k/s", at_least(0.95)),
        Row("beside", "new connections next to the gate / no table", "k/s", at_least(0.97)),
        Row("tracked", "new connections with one rule of ct state / no table", "k/s"),
    ),
    "commands": (
        Row("nothing", "apply from nothing, 10,000 sequences / nft -f + nft list", "s", at_most(0.7)),
        Row("nothing memory", "apply from nothing: peak memory", "MiB", at_most(1.0)),
        Row("unchanged", "apply unchanged, 10,000 sequences / nft -j list", "s", at_most(0.02)),
        Row("small", "apply unchanged, 5 sequences / nft list", "ms", at_most(1.0)),
        Row("compared", "apply unchanged without a stamp, 10,000 / nft -j list", "s", at_most(1.2)),
        Row("compared memory", "apply unchanged without a stamp: peak memory", "MiB", at_most(1.5)),
        Row("changed", "apply of one change among 10,000 / nft -f of all", "s", at_most(0.25)),
        Row("validate", "validate, 10,000 sequences / python3 yaml.CSafeLoader", "s", at_most(0.5)),
        Row("status", "status, 10,000 grants / nft -j list", "s", at_most(1.5)),
        Row("status json", "status --json, 10,000 grants / nft -j list", "s", at_most(1.5)),
        Row("status memory", "status --json: peak memory", "MiB", at_most(1.5)),
        Row("metrics", "metrics, 10,000 grants / nft -j list", "s", at_most(1.0)),
        Row("metrics memory", "metrics: peak memory", "MiB", at_most(1.5)),
    ),
    "clients": (
        Row("by hand", "knock, three datagrams / Debian's knock", "ms", at_most(1.5)),
        Row("by profile", "knock from a profile / Debian's knock", "ms", at_most(1.5)),
        Row("knockd", "last knock to connection / knockd", "ms", at_most(0.02)),
        Row("fwknop", "last knock to connection / fwknop's packet", "ms", at_most(0.02)),
        Row("token", "token to connection / fwknop's packet", "ms", at_most(0.02)),
    ),
    "fleets": (
        Row("copied", "unchanged ruleset task, 20 hosts / playbook of copy and nft -f", "s", at_most(1.0)),
        Row("pinged", "unchanged ruleset task, 20 hosts / ping", "s", at_most(1.5)),
        Row("rotation", "rotation of 100 hosts, a host and phase / ping", "s", at_most(1.4)),
    ),
    "tokens": (
        Row("elsewhere", "flood elsewhere: 100,000 tokens / none", "kpkt/s", at_least(0.98)),
        Row("at the port", "flood of the token port: 100,000 tokens / none", "kpkt/s", at_least(0.90)),
        Row("load", "1,000 sequences with tokens: load / list", "s"),
        Row("top-up 100", "top-up of 100 sequences / 50 ms", "s", at_most(1.0)),
        Row("top-up 1000", "top-up of 1,000 sequences / load", "s"),
        Row("derive epochs", "derive, epochs of one host / 300,000 a second", "k/s", at_least(1.0)),
        Row("derive hosts", "derive, hosts of a fleet / 300,000 a second", "k/s", at_least(1.0)),
    ),
}


@dataclass(frozen=True)
class Result:
    """A row as it was measured: medians."""

    row: Row
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def holds(self) -> bool:
        return self.row.bound is None or self.row.bound.held(self.ratio)

    def facts(self) -> dict[str, Any]:
        bound = self.row.bound
        return {**asdict(self.row), "bound": bound and {"sign": bound.sign, "limit": bound.limit},
                "ours": round(self.ours, 4), "theirs": round(self.theirs, 4), "ratio": round(self.ratio, 4),
                "holds": self.holds}


def results(rows: Sequence[Row], measured: Measured) -> list[Result]:
    """Every row that is in the table, and nothing else."""
    if {row.key for row in rows} != set(measured):
        raise KeyError(f"measured are {sorted(measured)}, in the table stand {sorted(row.key for row in rows)}")
    return [Result(row, statistics.median(measured[row.key][0]), statistics.median(measured[row.key][1]))
            for row in rows]
