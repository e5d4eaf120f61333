"""Commands in turns, with nothing around them but fork and exec; runs inside a host (Host.call).

They get a processor before all that runs at the usual priority, which would decide otherwise.
"""
from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple


class Cost(NamedTuple):
    seconds: float  # of wall time
    memory: float  # MiB at its peak


@contextmanager
def _first() -> Iterator[None]:
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def once(argv: Sequence[str], environment: Mapping[str, str], out: str = os.devnull) -> Cost:
    """What one run of a command takes. Raises ChildProcessError where it fails."""
    sink = os.open(out, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    with _first():
        began = time.perf_counter()
        child = os.posix_spawn(argv[0], list(argv), environment,
                               file_actions=[(os.POSIX_SPAWN_DUP2, sink, number) for number in (0, 1)])
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - began
    os.close(sink)
    if status:
        raise ChildProcessError(f"{' '.join(argv)}: exit status {os.waitstatus_to_exitcode(status)}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def used() -> float:
    """CPU seconds of all commands that have run here and ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def take(argvs: Sequence[Sequence[str]], rounds: int, environment: Mapping[str, str]) -> list[list[float]]:
    """Seconds of each run of each command."""
    taken: list[list[float]] = [[] for _ in argvs]
    for _ in range(rounds):
        for argv, seconds in zip(argvs, taken):
            seconds.append(once(argv, environment).seconds)
    return taken
