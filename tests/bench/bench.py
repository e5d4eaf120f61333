"""tests/bench/run: the numbers of the README, as ratios within one run.

Every row compares our command with the work that nobody can do without, on the same host, in turns; a
row's number is a ratio of medians, so neither a slow machine nor a busy one decides it.
"""
from __future__ import annotations

import argparse
import functools
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests")]

import build  # noqa: E402
import declarations  # noqa: E402
import process  # noqa: E402
import token_costs  # noqa: E402
import turns  # noqa: E402
from bed.host import SYSTEM_PATH, Host  # noqa: E402
from bed.lab import Lab  # noqa: E402
from screen import Line, say, styled  # noqa: E402

OUT = ROOT / "build/bench"
KNOCKWORK = ROOT / "build/release/knockwork"
FLOOD = OUT / "flood"
DERIVE = OUT / "derive"


@dataclass
class Row:
    """One line of the table: ours against theirs, and the ratio that must hold (none: for information)."""

    what: str
    ours: float
    theirs: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def holds(self) -> bool:
        return ((self.at_most is None or self.ratio <= self.at_most)
                and (self.at_least is None or self.ratio >= self.at_least))

    def text(self) -> str:
        bound = (f"≤ {self.at_most}" if self.at_most else f"≥ {self.at_least}" if self.at_least else "")
        verdict = "" if not bound else styled("ok", "good") if self.holds else styled("FAILED", "bad")
        return (f"  {self.what:<46}{self.ours:9.3f} {self.theirs:9.3f} {self.unit:<7}"
                f"{self.ratio:6.2f} {bound:<7}{verdict}").rstrip()


@dataclass
class Cost:
    """What repeated runs of one command took: seconds of wall time and MiB of peak memory each."""

    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def median(self) -> float:
        return statistics.median(self.seconds)

    def peak(self) -> float:
        return statistics.median(self.memory)


def timed(host: Host, cost: Cost, *argvs: Sequence[str], out: str = os.devnull) -> None:
    """Runs commands in turn on the host; adds their time together and the peak of the greediest to `cost`."""
    seconds, memory = 0.0, 0.0
    for argv in argvs:
        with open(out, "wb") as sink:
            began = time.perf_counter()
            child = host.popen(list(argv), stdout=sink, stderr=subprocess.PIPE)
            assert child.stderr is not None
            complaint = child.stderr.read()
            # wait4(2) counts nsenter's descendants in; the greediest of them is the command.
            _, status, usage = os.wait4(child.pid, 0)
            seconds += time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{' '.join(argv)}: exit status {child.returncode}\n{complaint}")
        memory = max(memory, usage.ru_maxrss / 1024)
    cost.seconds.append(seconds)
    cost.memory.append(memory)


def apply_rows(rounds: int) -> list[Row]:
    """10,000 sequences: from nothing, unchanged by its bytes, unchanged by comparison."""
    table = ["inet", "knockwork"]
    ours = [str(KNOCKWORK), "apply", "/etc/knockwork/knockwork.yml"]
    load, json_list, nothing, stamped, compared = Cost(), Cost(), Cost(), Cost(), Cost()
    with closing(Host("bench")) as host:
        host.write("/etc/knockwork/knockwork.yml", declarations.many(10_000))
        host.write("/run/rendered.nft",
                   host.output([str(KNOCKWORK), "render", "/etc/knockwork/knockwork.yml"], timeout=300))

        def clear() -> None:
            host.run(["nft", "delete", "table", *table])
            host.run(["rm", "-rf", "/run/knockwork", "/var/lib/knockwork"], check=True)

        for _ in range(rounds):
            clear()
            timed(host, load, ["nft", "-f", "/run/rendered.nft"], ["nft", "list", "table", *table])
            timed(host, json_list, ["nft", "-j", "list", "table", *table])
            clear()
            timed(host, nothing, ours)
            timed(host, stamped, ours)
            host.run(["rm", "-rf", "/run/knockwork"], check=True)
            timed(host, compared, ours)
    return [
        Row("apply from nothing / nft -f + list", nothing.median(), load.median(), "s", at_most=1.2),
        Row("  its peak memory", nothing.peak(), load.peak(), "MiB", at_most=1.5),
        Row("apply unchanged / nft -j list", stamped.median(), json_list.median(), "s", at_most=0.02),
        Row("  its peak memory", stamped.peak(), json_list.peak(), "MiB", at_most=1.5),
        Row("apply unchanged, no stamp / nft -j list", compared.median(), json_list.median(), "s",
            at_most=1.2),
        Row("  its peak memory", compared.peak(), json_list.peak(), "MiB", at_most=1.5),
    ]


def observe_rows(rounds: int) -> list[Row]:
    """What `status` and `metrics` cost at 10,000 sequences and as many grants, beside a listing of the table."""
    count = 10_000
    listing, status, text, metrics = Cost(), Cost(), Cost(), Cost()
    with closing(Host("bench")) as host:
        host.write("/etc/knockwork/knockwork.yml", declarations.many(count))
        host.run([str(KNOCKWORK), "apply", "--quiet"], timeout=300, check=True)
        advance = host.output(["nft", "list", "map", "inet", "knockwork", "advance"])
        edges = re.findall(r'(\w+:\w+) comment "user', advance)
        assert len(edges) == count
        for name, tails in (("holders4", edges), ("granted4", ["6 . 22"] * count)):
            elements = ", ".join(f"10.{number >> 8}.{number & 255}.1 . {tail} timeout 1h"
                                 for number, tail in enumerate(tails))
            host.nft(f"add element inet knockwork {name} {{ {elements} }}\n")
        for _ in range(rounds):
            timed(host, listing, ["nft", "-j", "list", "table", "inet", "knockwork"])
            timed(host, text, [str(KNOCKWORK), "status"])
            timed(host, status, [str(KNOCKWORK), "status", "--json"])
            timed(host, metrics, [str(KNOCKWORK), "metrics"])
    theirs = listing.median()
    return [Row("status, 10,000 grants / nft -j list", text.median(), theirs, "s", at_most=1.5),
            Row("  with --json", status.median(), theirs, "s", at_most=1.5),
            Row("  its peak memory", status.peak(), listing.peak(), "MiB", at_most=1.5),
            Row("metrics, 10,000 grants / nft -j list", metrics.median(), theirs, "s", at_most=1.0),
            Row("  its peak memory", metrics.peak(), listing.peak(), "MiB", at_most=1.5)]


_PROFILE = """\
knockwork: 1
hosts: [{host: "*", sequences: [{name: ssh, knock: [7000, 8000, 9000], opens: [22/tcp]}]}]
"""


def knock_rows(rounds: int) -> list[Row]:
    """Three datagrams without delay: the whole process of `knockwork knock` beside Debian's `knock`."""
    ports = ("7000", "8000", "9000")
    with closing(Lab()) as lab:
        address = lab.client.target
        lab.callers.write("/root/.config/knockwork/hosts.yml", _PROFILE, 0o600)
        ours = [str(KNOCKWORK), "knock", address, "--delay", "0"]
        taken = lab.callers.call(turns.take, [[*ours, *ports], ["/usr/bin/knock", "-u", address, *ports], ours],
                                 rounds * 40, lab.callers.environment)
    by_hand, theirs, by_profile = (statistics.median(each) * 1000 for each in taken)
    return [Row("knock, three datagrams / Debian's knock", by_hand, theirs, "ms", at_most=1.5),
            Row("knock, from a profile / Debian's knock", by_profile, theirs, "ms")]


def _absorbed(table: str, seconds: float, *to: str) -> float:
    """Thousand packets, `to` these ports, that a fresh host with this table takes in a second of the flooder's time.

    A veth pair hands a packet over in the sender's own time, so what else runs does not count.
    """
    with closing(Host("receiver")) as receiver, closing(Host("sender")) as sender:
        sender.ip(f"link add bench type veth peer name bench netns {receiver.pid}",
                  "addr add 192.0.2.1/24 dev bench", "link set bench up")
        receiver.ip("addr add 192.0.2.2/24 dev bench", "link set bench up")
        if table:
            receiver.nft(table)
        counter = "/sys/class/net/bench/statistics/rx_packets"
        sender.run([str(FLOOD), "192.0.2.2", "0.2", "100000"], check=True)  # neighbours, caches
        before = int(receiver.read(counter))
        flood = sender.popen([str(FLOOD), "192.0.2.2", str(seconds), "5000000", *to], stdout=subprocess.PIPE)
        assert flood.stdout is not None
        sent = int(flood.stdout.read())
        _, status, usage = os.wait4(flood.pid, 0)
        flood.returncode = os.waitstatus_to_exitcode(status)
        arrived = int(receiver.read(counter)) - before
        if flood.returncode or arrived < 0.99 * sent:
            raise SystemExit(f"flood: exit status {flood.returncode}, {arrived} of {sent} packets arrived")
        return float(arrived / (usage.ru_utime + usage.ru_stime) / 1000)


def rendered(declaration: str, knockwork: Path = KNOCKWORK) -> str:
    return subprocess.run([knockwork, "render", "-"], input=declaration, text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def build_flood() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with build.lock("bench"):
        source = ROOT / "tests/bench/flood.cpp"
        subprocess.run(["g++", "-std=c++20", "-O2", "-o", FLOOD, source], check=True)


def absorbed(tables: dict[str, str], rounds: int) -> dict[str, float]:
    """Medians of what fresh hosts with these tables take, in turns."""
    build_flood()
    rates: dict[str, list[float]] = {name: [] for name in tables}
    for _ in range(rounds):
        for name, table in tables.items():
            rates[name].append(_absorbed(table, 2.1))
    return {name: statistics.median(values) for name, values in rates.items()}


def packet_rows(rounds: int, other: Path) -> list[Row]:
    """What a packet costs with our tables and with those of another version, for the same declarations."""
    tables, rows = {}, []
    for mode in ("gate", "stealth"):
        for count in (1, 10_000):
            for kind, declare in (("bare", declarations.many), ("full", declarations.everything)):
                declaration = declare(count, mode)
                tables[f"{mode}, {count:,} {kind}"] = rendered(declaration)
                tables[f"{mode}, {count:,} {kind}, theirs"] = rendered(declaration, other)
    rate = absorbed(tables, rounds)
    for name in list(tables)[::2]:
        rows.append(Row(f"flood: {name} / the other version", rate[name], rate[f"{name}, theirs"], "kpkt/s",
                        at_least=0.97))
    return rows


def token_rows(rounds: int) -> list[Row]:
    """What tokens cost in packets, elements and time, and how soon one opens beside fwknop."""
    build_flood()
    plain = rendered(declarations.many(1))
    full = token_costs.filled(rendered(token_costs.declared(1)), 100_000)
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for what, to in (("elsewhere", ()), ("at the token port", (str(token_costs.PORT), "+16"))):
            rates.setdefault(f"{what}, none", []).append(_absorbed(plain, 2.1, *to))
            rates.setdefault(what, []).append(_absorbed(full, 2.1, *to))
    rate = {name: statistics.median(each) for name, each in rates.items()}
    rows = [Row(f"flood {what}: 100,000 tokens / none", rate[what], rate[f"{what}, none"], "kpkt/s", at_least=least)
            for what, least in (("elsewhere", 0.98), ("at the token port", 0.90))]
    costs = token_costs.sizes(KNOCKWORK, rounds)
    base = costs[1]["memory"]
    for count, cost in costs.items():
        elements = f"{count:,} with tokens, {cost['elements']:,.0f} elements"
        rows.append(Row(f"{elements}: load / list", cost["load"], cost["list"], "s"))
        rows.append(Row("  kernel memory / one sequence's", cost["memory"], base, "MiB"))
        rows.append(Row("  unchanged / load", cost["unchanged"], cost["load"], "s"))
        rows.append(Row("  top-up" + (" / 50 ms" if count == 100 else " / load"), cost["top-up"],
                        0.05 if count == 100 else cost["load"], "s", at_most=1.0 if count == 100 else None))
    ours = token_costs.by_token(KNOCKWORK, rounds * 2)
    theirs = token_costs.by_fwknop(rounds * 2)
    rows.append(Row("packet to connection: token / fwknop", statistics.median(ours) * 1000,
                    statistics.median(theirs) * 1000, "ms", at_most=0.02))
    return rows


def flood_rows(rounds: int) -> list[Row]:
    """Packets absorbed towards closed ports, by number of sequences and beside other tables."""
    tables = {"no table": "", "drop": declarations.DROP_TABLE,
              **{f"classic {count}": declarations.classic(count) for count in (1, 100)}}
    for mode in ("gate", "stealth"):
        for count in (1, 100, 10_000):
            tables[f"{mode} {count}"] = rendered(declarations.many(count, mode))
            if count != 100:
                tables[f"{mode} {count} full"] = rendered(declarations.everything(count, mode))
    rate = absorbed(tables, rounds)
    rows = [Row(f"flood: {mode}, {count:,} / 1 sequences", rate[f"{mode} {count}"], rate[f"{mode} 1"],
                "kpkt/s", at_least=0.85)
            for mode in ("gate", "stealth") for count in (100, 10_000)]
    rows += [Row(f"flood: {mode}, {count:,} with every feature / bare", rate[f"{mode} {count} full"],
                 rate[f"{mode} {count}"], "kpkt/s", at_least=0.85)
             for mode in ("gate", "stealth") for count in (1, 10_000)]
    rows += [Row(f"flood: {mode}, 10,000 full / 1 bare", rate[f"{mode} 10000 full"],
                 rate[f"{mode} 1"], "kpkt/s") for mode in ("gate", "stealth")]
    rows += [Row(f"flood: {ours} / {theirs}", rate[ours], rate[theirs], "kpkt/s")
             for ours, theirs in (("gate 1", "no table"), ("stealth 1", "drop"), ("stealth 10000", "drop"),
                                  ("classic 1", "drop"), ("classic 100", "drop"))]
    return rows


def derive_rows(rounds: int) -> list[Row]:
    """Sequences drawn a second of one core's time, each of another epoch or of another host."""
    OUT.mkdir(parents=True, exist_ok=True)
    with build.lock("bench"):
        subprocess.run(["g++", "-std=c++20", "-O2", f"-I{ROOT / 'cpp/include'}", "-o", DERIVE,
                        ROOT / "tests/bench/derive.cpp", ROOT / "build/release/cpp/libknockwork_core.a",
                        "-lnettle"], check=True)
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        for line in subprocess.run([DERIVE], check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines():
            what, rate = line.rsplit(" ", 1)
            rates.setdefault(what, []).append(float(rate) / 1000)
    return [Row(f"derive: {what} / 300,000 a second", statistics.median(each), 300, "k/s", at_least=1.0)
            for what, each in rates.items()]


FLEET_SIZE = 100


def rotation_rows(rounds: int) -> list[Row]:
    """All three phases on a hundred hosts, beside a ping of each host for each phase; at most three rounds."""
    sys.path.append(str(ROOT / "tests/ansible"))
    from controller import find
    from rotation.fleet import Fleet
    names = [f"host{number}" for number in range(1, FLEET_SIZE + 1)]
    environment = {"PATH": f"{KNOCKWORK.parent}:{SYSTEM_PATH}", "PYTHONPATH": str(KNOCKWORK.parent / "python")}
    ours, theirs = [], []
    with Fleet(find("debian"), environment, names) as fleet:
        for epoch in range(1, min(rounds, 3) + 1):
            theirs.append(sum(fleet.ping() for _ in range(3)))
            began = time.monotonic()
            run = fleet.rotate(epoch, epoch - 1)
            ours.append(time.monotonic() - began)
            if not run.fine:
                sys.exit(run.output)
    return [Row(f"rotation of {FLEET_SIZE} hosts / 3 pings of each, a host", statistics.median(ours) / FLEET_SIZE,
                statistics.median(theirs) / FLEET_SIZE, "s", at_most=2)]


ROWS: dict[str, Callable[[int], list[Row]]] = {
    "apply": apply_rows, "observe": observe_rows, "flood": flood_rows, "derive": derive_rows, "knock": knock_rows,
    "tokens": token_rows, "rotation": rotation_rows}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="*", help=f"{', '.join(ROWS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, alternating (default: 5)")
    parser.add_argument("--against", type=Path, metavar="KNOCKWORK",
                        help="another version's command: compares the cost of a packet with the tables that it renders")
    options = parser.parse_args()
    if options.against:
        ROWS["packets"] = functools.partial(packet_rows, other=options.against)
    unknown = [name for name in options.row if name not in ROWS]
    if unknown:
        sys.exit(f"tests/bench/run: no row is named {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    process.end_all_on_signals()
    OUT.mkdir(parents=True, exist_ok=True)
    with Line("build", "release") as line:
        try:
            build.build("release", OUT / "build.log")
        except build.BuildError as error:
            sys.exit(str(error))
        line.result = "release"
    rows: list[Row] = []
    for name in options.row or ROWS:
        with Line(name, f"{options.rounds} rounds") as line:
            rows += ROWS[name](options.rounds)
            line.result = f"{options.rounds} rounds"
    say()
    say(f"  {'':<46}{'ours':>9} {'theirs':>9} {'':<7} ratio")
    for row in rows:
        say(row.text())
    facts = [{**asdict(row), "ratio": round(row.ratio, 3), "holds": row.holds} for row in rows]
    (OUT / "results.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    say()
    bound = [row for row in rows if row.at_most or row.at_least]
    held = sum(row.holds for row in bound)
    say(f"bounds: {held} passed, {len(bound) - held} failed, 0 skipped")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
