"""Child processes that cannot outlive us, and the one place that ends them. Any thread may start some."""
from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn, Union

_running: set[subprocess.Popen[bytes]] = set()
_ended = threading.Event()
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # prctl(2): when the thread that started it ends
_PATIENT = 10  # nice(1)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start(argv: Sequence[Union[str, Path]], out: Union[IO[bytes], int], *,
          env: Mapping[str, str], cwd: Path, patient: bool = False) -> subprocess.Popen[bytes]:
    """Starts `argv` as the leader of a session of its own, both outputs to `out`, no input.

    What is `patient` takes the processor where nothing else wants it.
    """
    if _ended.is_set():
        raise SystemExit
    child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=out,
                             stderr=subprocess.STDOUT, env=dict(env), cwd=cwd, start_new_session=True,
                             preexec_fn=_die_with_parent)
    _running.add(child)
    if patient:
        _step_back(child)
    return child


def _step_back(child: subprocess.Popen[bytes]) -> None:
    os.setpriority(os.PRIO_PGRP, child.pid, _PATIENT)
    try:  # between sessions the kernel may share by this alone: sched(7), "The autogroup feature"
        Path(f"/proc/{child.pid}/autogroup").write_text(str(_PATIENT), encoding="ascii")
    except OSError:
        pass


def finish(child: subprocess.Popen[bytes], limit: float) -> int:
    """Waits at most `limit` seconds; returns the exit status, 124 where time ran out, as timeout(1) does."""
    try:
        return child.wait(limit)
    except subprocess.TimeoutExpired:
        return 124
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """Ends what is left of a child's session: first politely, so that it can tidy up."""
    if child.poll() is None:
        _signal(child, signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            pass
    _signal(child, signal.SIGKILL)
    child.wait()
    _running.discard(child)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass


def end_all_on_signals() -> None:
    """SIGINT, SIGTERM and SIGHUP end every child, then us."""
    def stop(number: int, frame: Union[types.FrameType, None]) -> NoReturn:
        _ended.set()
        for child in list(_running):
            end(child)
        print(f"\nended by {signal.Signals(number).name}", file=sys.stderr)
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
