"""Processes as /proc has them; proc_pid_stat(5)."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TICK = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    pid: int
    name: str
    parent: int
    seconds: float  # of CPU time, without its children's


def _all() -> Iterator[Process]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        head, _, tail = text.rpartition(")")
        fields = tail.split()
        yield Process(int(path.parent.name), head.partition("(")[2], int(fields[1]),
                      (int(fields[11]) + int(fields[12])) / _TICK)


def below(ancestor: int, name: str) -> list[Process]:
    """The uppermost processes below `ancestor` whose names begin with this one."""
    known = {process.pid: process for process in _all()}

    def belongs(process: Process) -> bool:
        parent = known.get(process.parent)
        while parent and parent.pid != ancestor:
            if parent.name.startswith(name):
                return False
            parent = known.get(parent.parent)
        return parent is not None

    return [each for each in known.values() if each.name.startswith(name) and belongs(each)]
