"""Where faults are put in, and how many of them: $KNOCKWORK_FAULTS is a number for each command, or `all`."""
from __future__ import annotations

import os
from typing import TypeVar

from inside import Calls

Point = TypeVar("Point")

ALL = os.environ.get("KNOCKWORK_FAULTS") == "all"
_EACH = 0 if ALL else int(os.environ.get("KNOCKWORK_FAULTS", "12"))
LONGEST = 6 * 3600 if ALL else 60 + 5 * _EACH  # seconds for one test: only against a hang

CHANGING = ("write", "pwrite64", "renameat", "rename", "unlink", "unlinkat", "linkat", "mkdir", "fsync", "flock",
            "ftruncate", "fchmod", "ioctl", "sendto", "sendmsg", "unshare", "clone", "clone3")
NETLINK = ("socket", "bind", "getsockname", "getsockopt", "setsockopt", "sendto", "sendmsg", "recvmsg", "recvfrom",
           "connect", "fcntl", "pselect6")
FILES = ("openat", "read", "pread64", "write", "pwrite64", "fsync", "renameat", "rename", "linkat", "unlink",
         "unlinkat", "mkdir", "flock", "ftruncate", "newfstatat", "fstat", "statx", "ioctl", "lseek", "getrandom",
         "readlink", "getdents64", "access")
PROCESSES = ("pipe2", "poll", "clone", "clone3", "unshare")
ERRORS = ("ENOMEM", "EINTR", "ENOBUFS", "ENOSPC", "EPERM", "EIO", "EMSGSIZE")


def _some(points: list[Point]) -> list[Point]:
    """So many, evenly spread; all where all are asked for."""
    if ALL or len(points) <= _EACH:
        return points
    return [points[number * len(points) // _EACH] for number in range(_EACH)]


def kills(calls: Calls) -> list[tuple[str, int]]:
    """Every call; of a sample, most where something changes."""
    every = [(call, number) for call, count in calls.all.items() for number in range(1, count + 1)]
    if ALL:
        return every
    changing = [(call, number) for call, numbers in calls.changing.items() for number in numbers]
    return sorted({*_some(changing), *_some(every)[::3]})


def errors(calls: Calls) -> list[tuple[str, int, str]]:
    """Every call on netlink, files and processes behind the loader's, with every error."""
    return _some([(call, number, error) for call in NETLINK + FILES + PROCESSES
                  for number in range(calls.loader.get(call, 0) + 1, calls.all.get(call, 0) + 1) for error in ERRORS])
