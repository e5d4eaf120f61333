"""tests/bench/scale: what a fleet costs its controller, and what that is for larger ones.

All hosts are on this machine, and its processors run them as well, so the controller's own part is counted apart: the
CPU time of Ansible and of all that it starts. So is the part of Ansible's main process, which is one, however many
processors there are. The line through the sizes that were measured gives the larger ones.
"""
from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests"), str(ROOT / "tests/ansible")]

import build  # noqa: E402
import processes  # noqa: E402
import turns  # noqa: E402
from bed.host import SYSTEM_PATH, Host  # noqa: E402
from controller import find  # noqa: E402
from programs import KNOCKWORK, OUT  # noqa: E402
from rotation.fleet import LENGTH, Fleet  # noqa: E402

_ENVIRONMENT = {"PATH": f"{KNOCKWORK.parent}:{SYSTEM_PATH}", "PYTHONPATH": str(KNOCKWORK.parent / "python")}
_RULESET = ("knockwork.nft.ruleset: {sequences: [{name: ssh, derive: {secret_file: /etc/knockwork/secret, host: "
            "'{{ inventory_hostname }}', length: %d, protocols: [tcp, udp]}, opens: [22/tcp, 7/tcp], step_timeout: 2s, "
            "open_for: 5s}]}" % LENGTH)
_LARGER = (1_000, 10_000)


class Cost(NamedTuple):
    seconds: float
    cpu: float  # of the controller
    main: float  # of its main processes


class _Mains(threading.Thread):
    """Follows the CPU time of each Ansible process that no other one started."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._used: dict[int, float] = {}

    def run(self) -> None:
        while not self._over.wait(0.1):
            for child in processes.below(os.getpid(), "ansible"):
                self._used[child.pid] = child.seconds

    def seconds(self) -> float:
        self._over.set()
        self.join()
        return sum(self._used.values())


def _cost(controller: Host, work: Callable[[], object]) -> Cost:
    mains = _Mains()
    mains.start()
    began, before = time.monotonic(), controller.call(turns.used)
    work()
    return Cost(time.monotonic() - began, controller.call(turns.used) - before, mains.seconds())


def _rotate(fleet: Fleet) -> None:
    run = fleet.rotate(1, 0)
    if not run.fine:
        raise SystemExit(run.output)


def measure(count: int) -> dict[str, Cost]:
    """What each kind of run takes on so many hosts."""
    names = [f"host{number}" for number in range(1, count + 1)]
    with Fleet(find("debian"), _ENVIRONMENT, names) as fleet:
        fleet.ping()
        works: dict[str, Callable[[], object]] = {
            "ping": fleet.ping, "first ruleset": lambda: fleet.play(_RULESET),
            "unchanged ruleset": lambda: fleet.play(_RULESET), "rotation": lambda: _rotate(fleet)}
        return {name: _cost(fleet.controller, work) for name, work in works.items()}


def _at(sizes: Sequence[int], values: Sequence[float], size: int) -> float:
    if len(sizes) < 2:
        return values[0] * size / sizes[0]
    slope, base = statistics.linear_regression(sizes, values)
    return base + slope * size


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/scale", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, nargs="+", default=[20, 50, 100, 200], help="sizes; 20 50 100 200")
    sizes = parser.parse_args().hosts
    OUT.mkdir(parents=True, exist_ok=True)
    build.build("release", OUT / "build.log")
    print(f"{'hosts':>7}  {'':<18}{'seconds':>9}{'controller CPU s':>18}{'main process':>14}", flush=True)
    taken: dict[str, list[Cost]] = {}
    for size in sizes:
        for name, cost in measure(size).items():
            taken.setdefault(name, []).append(cost)
            print(f"{size:>7}  {name:<18}{cost.seconds:>9.1f}{cost.cpu:>18.1f}{cost.main:>14.1f}", flush=True)
    for size in _LARGER:
        for name, costs in taken.items():
            seconds, cpu, main_cpu = (_at(sizes, [cost[part] for cost in costs], size) for part in range(3))
            print(f"{size:>7}  {name:<18}{seconds:>9.0f}{cpu:>18.0f}{main_cpu:>14.0f}  estimated", flush=True)


if __name__ == "__main__":
    main()
