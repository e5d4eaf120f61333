"""Rows of packets: how much of a flood towards closed ports a table absorbs."""
from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import declarations
from bed.host import Host
from programs import FIRST, made, rendered
from table import Measured, Scale

RECEIVER = "192.0.2.2"
SENDER = "192.0.2.1"


def measure(scale: Scale) -> Measured:
    """All rows of the room."""
    small, many, most = (scale.size(full, 10) for full in (100, 1_000, 10_000))
    rate = absorbed({
        "drop": declarations.DROP_TABLE,
        "ct": declarations.CT_TABLE,
        "stealth 1": rendered(declarations.everything(1, "stealth")),
        "stealth 1000": rendered(declarations.everything(many, "stealth")),
        "stealth 10000": rendered(declarations.everything(most, "stealth")),
        "gate 1": rendered(declarations.many(1)),
        "gate 10000": rendered(declarations.many(most)),
        "gate 10000 full": rendered(declarations.everything(most)),
        "ours 100": rendered(declarations.many(small, "stealth")),
        "ours 1000": rendered(declarations.many(many, "stealth")),
        "classic 100": declarations.classic(small),
        "classic 1000": declarations.classic(many),
    }, scale)
    return {
        **{name: (rate[name], rate["drop"]) for name in ("stealth 1", "stealth 1000", "stealth 10000")},
        **{name: (rate[name], rate["ct"]) for name in ("gate 1", "gate 10000")},
        "gate 10000 full": (rate["gate 10000 full"], rate["gate 10000"]),
        **{f"classic {count}": (rate[f"ours {count}"], rate[f"classic {count}"]) for count in (100, 1000)},
    }


def absorbed(tables: Mapping[str, str], scale: Scale, ports: Sequence[str] = ()) -> dict[str, list[float]]:
    """What fresh hosts with these tables take, in turns; to these ports, or to all."""
    flood = made("flood")
    rates: dict[str, list[float]] = {name: [] for name in tables}
    for _ in range(scale.rounds):
        for name, table in tables.items():
            rates[name].append(_absorbed(flood, table, 0.2 if scale.quick else 2.1, ports))
    return rates


@contextmanager
def linked(table: str = "") -> Iterator[tuple[Host, Host]]:
    """A fresh receiver with a table, and a sender, at the two ends of a wire."""
    with closing(Host("receiver")) as receiver, closing(Host("sender")) as sender:
        sender.ip(f"link add bench type veth peer name bench netns {receiver.pid}",
                  f"addr add {SENDER}/24 dev bench", "link set bench up")
        receiver.ip(f"addr add {RECEIVER}/24 dev bench", "link set bench up")
        if table:
            receiver.nft(table)
        yield receiver, sender


def _absorbed(flood: str, table: str, seconds: float, ports: Sequence[str]) -> float:
    """Thousand packets a second of the flooder's CPU time.

    A veth pair hands a packet over in the sender's own time, so what else runs does not count.
    """
    with linked(table) as (receiver, sender):
        counter = "/sys/class/net/bench/statistics/rx_packets"
        sender.run([flood, RECEIVER, "0.2", "100000"], check=True)  # neighbours, caches
        before = int(receiver.read(counter))
        child = sender.popen([*FIRST, flood, RECEIVER, str(seconds), "5000000", *ports], stdout=subprocess.PIPE)
        assert child.stdout is not None
        sent = int(child.stdout.read())
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        arrived = int(receiver.read(counter)) - before
        if child.returncode or arrived < 0.99 * sent:
            raise SystemExit(f"flood: exit status {child.returncode}, {arrived} of {sent} packets arrived")
        return float(arrived / (usage.ru_utime + usage.ru_stime) / 1000)


def between(other: Path, scale: Scale) -> dict[str, tuple[float, float]]:
    """What a packet costs with our tables and with those of another version, for the same declarations: medians."""
    tables = {}
    for mode in ("gate", "stealth"):
        for count in (1, scale.size(10_000, 10)):
            for kind, declare in (("bare", declarations.many), ("all features", declarations.everything)):
                name, declaration = f"{mode}, {count:,} declared, {kind}", declare(count, mode)
                tables[name] = rendered(declaration)
                tables[f"{name}, theirs"] = rendered(declaration, other)
    rate = {name: statistics.median(each) for name, each in absorbed(tables, scale).items()}
    return {name: (rate[name], rate[f"{name}, theirs"]) for name in list(tables)[::2]}
