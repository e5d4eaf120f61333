"""Short commands in turns, with nothing around them but fork and exec; runs inside a host (Host.call)."""
from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence


def take(argvs: Sequence[Sequence[str]], rounds: int, environment: Mapping[str, str]) -> list[list[float]]:
    """Seconds of wall time of each run of each command. Raises ChildProcessError where one fails."""
    seconds: list[list[float]] = [[] for _ in argvs]
    null = os.open(os.devnull, os.O_RDWR)
    quiet = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    for _ in range(rounds):
        for argv, taken in zip(argvs, seconds):
            began = time.perf_counter()
            child = os.posix_spawn(argv[0], list(argv), environment, file_actions=quiet)
            _, status = os.waitpid(child, 0)
            taken.append(time.perf_counter() - began)
            if status:
                raise ChildProcessError(f"{argv[0]}: {os.waitstatus_to_exitcode(status)}")
    os.close(null)
    return seconds
