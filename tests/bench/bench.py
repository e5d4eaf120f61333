"""tests/bench/run: what knockwork costs, as ratios within one run.

Every row compares it with what people would use instead, or with the work that nobody can do without, on
the same host, in turns. A row's number is a ratio of medians, so a slow machine does not decide it. A row
that misses its bound fails the run. table.py has the rows and their bounds.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests")]

import build  # noqa: E402
import clients  # noqa: E402
import commands  # noqa: E402
import connections  # noqa: E402
import fleets  # noqa: E402
import packets  # noqa: E402
import process  # noqa: E402
import report  # noqa: E402
import tokens  # noqa: E402
from programs import OUT  # noqa: E402
from screen import Line, say  # noqa: E402
from table import ROWS, Measured, Result, Row, Scale, at_least, results  # noqa: E402

ROOMS: dict[str, Callable[[Scale], Measured]] = {
    "packets": packets.measure, "connections": connections.measure, "commands": commands.measure,
    "clients": clients.measure, "fleets": fleets.measure, "tokens": tokens.measure}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room", nargs="*", help=f"{', '.join(ROOMS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, in turns (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON, and progress on standard error")
    parser.add_argument("--quick", action="store_true",
                        help="one round of small sizes, to see that the bench works: no bound is judged")
    parser.add_argument("--against", type=Path, metavar="KNOCKWORK",
                        help="another version's command: only compares the cost of a packet with its tables")
    options = parser.parse_args()
    unknown = [name for name in options.room if name not in ROOMS]
    if unknown:
        parser.error(f"there are no rows named {', '.join(unknown)}; there are: {', '.join(ROOMS)}")
    return options


def _versions(other: Path, scale: Scale) -> list[Result]:
    return [Result(Row(name, f"flood: {name} / the other version", "kpkt/s", at_least(0.97)), *pair)
            for name, pair in packets.between(other, scale).items()]


def _measure(options: argparse.Namespace, scale: Scale) -> list[Result]:
    if options.against:
        return _versions(options.against, scale)
    measured: list[Result] = []
    for name in options.room or ROOMS:
        with Line(name, f"{scale.rounds} rounds") as line:
            measured += results(ROWS[name], ROOMS[name](scale))
            line.result = f"{scale.rounds} rounds"
    return measured


def _build() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with Line("build", "release") as line:
        try:
            build.build("release", OUT / "build.log")
        except build.BuildError as error:
            sys.exit(str(error))
        line.result = "release"


def main() -> int:
    options = _options()
    process.end_all_on_signals()
    answer = os.dup(1)
    if options.json:
        os.dup2(2, 1)
    machine = report.machine()
    _build()
    scale = Scale(1 if options.quick else options.rounds, options.quick)
    measured = _measure(options, scale)
    say()
    say(report.HEAD)
    for result in measured:
        say(report.line(result, judged=not options.quick))
    say()
    say("quick: no bound is judged" if options.quick else report.summary(measured))
    facts = json.dumps(report.facts(measured, scale.rounds, machine), indent=1, ensure_ascii=False) + "\n"
    (OUT / ("quick.json" if options.quick else "results.json")).write_text(facts, encoding="utf-8")
    if options.json:
        os.write(answer, facts.encode())
    return 0 if options.quick or all(result.holds for result in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
