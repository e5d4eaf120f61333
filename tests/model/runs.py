"""Many trials, on a few sites at once."""

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.pool import Pool
from typing import TypeVar

from bed import linux
from model import trial
from model.compare import Account
from model.report import report
from model.network import Site
from model.trial import Trial

Item = TypeVar("Item")
Result = TypeVar("Result")
JOBS = 3  # most of a trial is waiting

_site: Site | None = None  # a worker's own


@dataclass(frozen=True)
class Outcome:
    """What came of one seed. The report is empty where kernel and machine agree."""

    seed: int
    account: Account
    report: str


@dataclass
class Total:
    """What came of many."""

    seeds: str = ""
    declarations: int = 0
    account: Account = field(default_factory=Account)
    reports: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Sum up."""
        self.declarations += 1
        self.account.add(outcome.account)
        if outcome.report:
            self.reports.append(outcome.report)

    def __str__(self) -> str:
        one = self.account
        return (f"{self.seeds}: {one.judged} packets of {self.declarations} declarations judged: "
                f"{one.fired} steps fired, "
                f"{one.granted} services granted, {one.wrong} wrong, {one.spent} sequences spent, "
                f"{one.tokens} tokens used up, {one.replays} replays of them, "
                f"{one.begun} packets of connections, {one.ended} of ended ones, {one.renewed} grants renewed, "
                f"{one.closed} closed, "
                f"{one.away} to other addresses, {one.forged} seeming answers, {one.related} related, "
                f"{one.again} connections begun again, {one.translated} translated; "
                f"{one.elements} elements in {one.looks} "
                f"looks; not judged: {one.at_expiry} at an expiry, {one.unsure} after such a one, "
                f"{one.late} late, {one.lost} lost; {len(one.disagreements)} disagreements")


def seeds(first: int, step: int, packets: int) -> list[int]:
    """As many as it takes to send that many packets."""
    chosen: list[int] = []
    while packets > 0:
        chosen.append(first + step * len(chosen))
        packets -= len(trial.case(chosen[-1])[1].packets)
    return chosen


def many(chosen: Iterable[int], jobs: int = JOBS) -> Iterator[Outcome]:
    """Every seed's outcome, as they come."""
    with _pool(jobs) as pool:
        yield from pool.imap_unordered(_run, chosen)


def on_sites(work: Callable[[Site, Item], Result], items: Sequence[Item], jobs: int = JOBS) -> list[Result]:
    """What a module's function says of each item, on some worker's site."""
    with _pool(jobs) as pool:
        return pool.starmap(_on_site, [(work, item) for item in items], chunksize=1)


def as_they_come(work: Callable[[Site, Item], Result], items: Iterable[Item], jobs: int = JOBS) -> Iterator[Result]:
    """The same, in any order."""
    with _pool(jobs) as pool:
        yield from pool.imap_unordered(_on_site_for, ((work, item) for item in items))


def _pool(jobs: int) -> Pool:
    return multiprocessing.get_context("fork").Pool(jobs, _open_site, (os.getpid(),))


def _on_site(work: Callable[[Site, Item], Result], item: Item) -> Result:
    assert _site is not None
    return work(_site, item)


def _on_site_for(task: tuple[Callable[[Site, Item], Result], Item]) -> Result:
    return _on_site(*task)


def _open_site(maker: int) -> None:
    global _site
    linux.die_with_parent()
    if os.getppid() != maker:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the maker ends the workers, and they their labs
    _site = Site()


def _run(seed: int) -> Outcome:
    assert _site is not None
    declaration, script = trial.case(seed)
    try:
        done = trial.run(_site, declaration, script)
    except Exception as failure:
        raise RuntimeError(f"seed {seed}: {traceback.format_exc()}\n{declaration.text()}") from failure
    found = done.account.disagreements
    text = report(done, _owners(done)) if found else ""
    if text:
        text = f"seed {seed}; again with: tests/model/replay {seed}\n{text}"
    return Outcome(seed, done.account, text)


def _owners(done: Trial) -> set[str] | None:
    """Whose packets a report shows: everybody's where sources may influence each other."""
    if any(sequence.once for sequence in done.declaration.sequences):
        return None
    return {done.declaration.owner(one.source) for one in done.account.disagreements}
