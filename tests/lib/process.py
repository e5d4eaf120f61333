"""Child processes that cannot outlive us, and the one place that ends them."""
from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn, Union

_running: set[subprocess.Popen[bytes]] = set()
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start(argv: Sequence[Union[str, Path]], out: Union[IO[bytes], int], *,
          env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    """Starts `argv` as the leader of a session of its own, both outputs to `out`, no input."""
    child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=out,
                             stderr=subprocess.STDOUT, env=dict(env), cwd=cwd, start_new_session=True,
                             preexec_fn=_die_with_parent)
    _running.add(child)
    return child


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
        for child in list(_running):
            end(child)
        print(f"\nended by {signal.Signals(number).name}", file=sys.stderr)
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
