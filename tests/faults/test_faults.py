"""A fault at every system call of every command that changes a gate.

After any of them the table and each file are the old or the new ones, nobody but the entitled gets in, no lock is held,
and the next apply makes good whatever is missing and removes what a killed process left half written.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import points
from bed import Lab
from commands import COMMANDS
from trial import Trial, prepare

pytestmark = pytest.mark.timeout(points.LONGEST)
Record = Callable[[str, object], None]
# Before, or afterwards, the service is open to everybody.
OPEN = ("apply, no table", "apply, at boot", "remove")


@contextmanager
def shut(lab: Lab, name: str) -> Iterator[None]:
    """All the while a stranger tries to get in."""
    opened: list[int] = []
    over = threading.Event()

    def knock_on_wood() -> None:
        tries = 0
        while not over.wait(0.005):
            tries += 1
            if lab.stranger.tcp(22) == "open":
                opened.append(tries)

    watcher = threading.Thread(target=knock_on_wood)
    if name not in OPEN:
        watcher.start()
    try:
        yield
    finally:
        over.set()
        if name not in OPEN:
            watcher.join()
    assert not opened, f"a stranger got in, at tries {opened}"


@pytest.mark.parametrize("name", COMMANDS)
def test_killed(lab: Lab, name: str, record_property: Record) -> None:
    """SIGKILL in the middle of a system call."""
    trial = prepare(lab, name)
    wrong = []
    chosen = points.kills(trial.calls)
    with shut(lab, name):
        for call, number in chosen:
            wrong += [f"{call} {number}: {each}" for each in trial.wrong(trial.inject(call, "signal=SIGKILL", number))]
    record_property("kills", len(chosen))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", COMMANDS)
def test_error(lab: Lab, name: str, record_property: Record) -> None:
    """A system call fails: the command does without it, or says once what failed."""
    trial = prepare(lab, name)
    wrong = []
    chosen = points.errors(trial.calls)
    with shut(lab, name):
        for call, number, error in chosen:
            wrong += [f"{call} {number} {error}: {each}" for each in _wrong(trial, call, number, error)]
    record_property("errors", len(chosen))
    assert not wrong, "\n".join(wrong)


def _wrong(trial: Trial, call: str, number: int, error: str) -> list[str]:
    """What fails in each process anew, as often as it is repeated, may be told so; what fails once may not."""
    ended = trial.inject(call, f"error={error}", number)
    wrong, words = trial.wrong(ended), trial.wrong_words(ended, error)
    if words and ended.injected > 1:
        ended = trial.inject(call, f"error={error}", number, once=True)
        wrong, words = wrong + trial.wrong(ended), trial.wrong_words(ended, error)
    return [f"{each} ({ended.status}: {ended.err.strip()})" for each in wrong + words]
