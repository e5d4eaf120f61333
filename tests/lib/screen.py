"""Lines of progress: one a job, with its time, and a running clock where a terminal is."""
from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import Optional

_STYLES = {"good": "32", "bad": "31", "note": "33", "dim": "2", "bold": "1"}


def styled(text: str, style: str) -> str:
    """`text` in a style on a terminal, plain elsewhere and under NO_COLOR (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{_STYLES[style]}m{text}\033[0m"


def say(text: str = "") -> None:
    print(text, flush=True)


class Line:
    """with Line("unit") as line: line.result, line.style = "31 passed", "good"."""

    def __init__(self, name: str, doing: str = "", clock: bool = True) -> None:
        """Of two at once, one may have the terminal's `clock`."""
        self.name, self.doing, self.clock = name, doing, clock
        self.result, self.style = "", "good"
        self.notes: list[str] = []
        self._began = time.monotonic()
        self._done = threading.Event()
        self._clock: Optional[threading.Thread] = None

    def __enter__(self) -> Line:
        if self.clock and sys.stdout.isatty():
            self._clock = threading.Thread(target=self._tick, daemon=True)
            self._clock.start()
        return self

    def _tick(self) -> None:
        while True:
            text = f"{self.name:<10} {styled(self.doing, 'dim')} {self._seconds():.0f} s"
            print(f"\r  {text}\033[K", end="", flush=True)
            if self._done.wait(1):
                print("\r\033[K", end="", flush=True)
                return

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._done.set()
        if self._clock:
            self._clock.join()
        if error is None or self.result:
            padded = f"{self.result:<50}"
            lines = [f"  {self.name:<10} {styled(padded, self.style)} {self._seconds():8.1f} s",
                     *(f"             {styled(note, 'note')}" for note in self.notes)]
            erase = "\r\033[K" if sys.stdout.isatty() else ""  # a clock may stand there
            print(erase + "\n".join(lines) + "\n", end="", flush=True)
