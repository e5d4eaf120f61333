"""Runs on the host: puts a state back, runs a command with a fault in a system call, and looks at what is there.

Nothing here knows what is right; `trial.py` judges.
"""
from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("/etc/knockwork", "/var/lib/knockwork", "/run/knockwork")
LOCK = "/run/knockwork/lock"
PENDING = "/var/lib/knockwork/pending.json"
_TRACE = "/run/trace"
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
_MAIN = "PR_SET_DUMPABLE"  # what the command does first; before it, the loader works


@dataclass(frozen=True)
class State:
    """A table as nft lists it, or none; and what stands in the folders: content and mode by path."""

    listing: str | None
    files: dict[str, tuple[bytes, int]]


@dataclass(frozen=True)
class Ended:
    """How a run ended (negative: by a signal), what it wrote, and what is there now."""

    status: int
    out: str
    err: str
    state: State
    lock_free: bool
    injected: int = 0  # how many errors


@dataclass(frozen=True)
class Calls:
    """The system calls of a clean run: how many of each kind one process of it makes, in all and before main()."""

    loader: dict[str, int]
    all: dict[str, int]
    changing: dict[str, tuple[int, ...]] = field(default_factory=dict)  # the numbers of those that change something


def look() -> State:
    """What is there."""
    listed = subprocess.run(["/usr/sbin/nft", "-p", "list", "table", "inet", "knockwork"], capture_output=True,
                            text=True, check=False)
    files = {}
    for folder in FOLDERS:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                files[str(path)] = (path.read_bytes(), path.stat().st_mode & 0o7777)
    return State(listed.stdout if listed.returncode == 0 else None, files)


def put_back(state: State) -> None:
    """The table in one transaction, so that the gate never stands open; then the files."""
    text = "add table inet knockwork\ndelete table inet knockwork\n" + (state.listing or "")
    subprocess.run(["/usr/sbin/nft", "-f", "-"], input=text, text=True, check=True)
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
    for path, (content, mode) in state.files.items():
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        Path(path).write_bytes(content)
        os.chmod(path, mode)


def run(argv: list[str], environment: dict[str, str], timeout: float = 60,
        injected_once: bool = False) -> tuple[int, str, str]:
    """A command to the end of the process itself: others that it leaves behind may live on."""
    with open("/run/out", "w+", encoding="utf-8") as out, open("/run/err", "w+", encoding="utf-8") as err:
        process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/")
        try:
            if injected_once:
                _let_go(process, timeout)
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = 999
        out.seek(0)
        err.seek(0)
        return status, out.read(), err.read()


def _let_go(process: subprocess.Popen[bytes], timeout: float) -> None:
    """As soon as it has put in one error, and while it delays who made the call, strace is to trace no longer."""
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        if _injected():
            for pid in filter(lambda each: _name(each) == "strace", map(int, filter(str.isdigit, os.listdir("/proc")))):
                os.kill(pid, signal.SIGTERM)
            return
        time.sleep(0.0002)


def _injected() -> int:
    try:
        return Path(_TRACE).read_text("utf-8").count("(INJECTED)")
    except FileNotFoundError:
        return 0


def inject(before: State, argv: list[str], environment: dict[str, str], call: str, fault: str, number: int,
           once: bool) -> Ended:
    """From `before`, with a fault at the call of that number: in every process of the command that makes as many."""
    put_back(before)
    Path(_TRACE).unlink(missing_ok=True)
    strace = ["/usr/bin/strace", "-I2", "-D", "-f", "-qqq", "-o", _TRACE, "-e", f"trace={call}", "-e", "signal=none",
              "-e", f"inject={call}:{fault}{':delay_exit=100000' if once else ''}:when={number}"]
    status, out, err = run([*strace, *argv], environment, injected_once=once)
    end_others()
    return Ended(status, out, err, look(), _lock_is_free(), _injected())


def record(before: State, argv: list[str], environment: dict[str, str], changing: list[str]) -> tuple[Calls, Ended]:
    """A clean run; `changing`: kinds of calls that may change something."""
    put_back(before)
    status, out, err = run(["/usr/bin/strace", "-D", "-f", "-qqq", "-o", _TRACE, "-s", "0", "-e", "signal=none", *argv],
                           environment)
    end_others()
    return _counted(Path(_TRACE).read_text("utf-8"), changing), Ended(status, out, err, look(), _lock_is_free())


def _counted(trace: str, changing: list[str]) -> Calls:
    loader: Counter[str] = Counter()
    by_process: dict[str, Counter[str]] = {}
    numbers: dict[str, set[int]] = {}
    for process, call, rest in _CALL.findall(trace):
        counter = by_process.setdefault(process, Counter())
        counter[call] += 1
        if call == "prctl" and _MAIN in rest and not loader:
            loader = Counter(counter)
        if call in changing or (call == "openat" and "O_CREAT" in rest):
            numbers.setdefault(call, set()).add(counter[call])
    counts: Counter[str] = Counter()
    for counter in by_process.values():
        counts |= counter
    return Calls(dict(loader), dict(counts), {call: tuple(sorted(each)) for call, each in numbers.items()})


def end_others() -> None:
    """Whatever the command left behind: a timer that would roll back, and strace, which follows it."""
    deadline = time.monotonic() + 10
    while left := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_left(pid)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} do not end")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                if _name(pid) != "strace":
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # an orphan, if it has ended: this is the host's init
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.001)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    except OSError:
        return ""


def _is_left(pid: int) -> bool:
    return _name(pid) in ("knockwork", "strace")


def _lock_is_free() -> bool:
    try:
        with open(LOCK, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
