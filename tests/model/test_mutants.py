"""Every part of a table matters: where any one is gone or altered, packets fare otherwise.

$KNOCKWORK_MUTANTS: how many to try, or "all", which takes an hour; $KNOCKWORK_MUTANTS_SEED: which ones.
"""

import os
import random
from collections import Counter

import pytest

from model import mutation, runs
from model.cases import DECLARATIONS
from model.equivalent import EQUIVALENT, reason_for
from model.mutation import Ground, Outcome

ASKED = os.environ.get("KNOCKWORK_MUTANTS") or "10"
SEED = int(os.environ.get("KNOCKWORK_MUTANTS_SEED") or 1)
SCRIPTS = 6
PROGRESS = 100  # mutants from one line to the next
JOBS = 12 if ASKED == "all" else runs.JOBS  # of a machine that does nothing else


@pytest.fixture(scope="module")
def every_ground() -> list[Ground]:
    """The right tables."""
    return mutation.grounds(list(DECLARATIONS), SCRIPTS)


def _chosen(every_ground: list[Ground]) -> list[mutation.Trials]:
    """All, or some that are first tried on one ground, which saves looking at the others."""
    found = mutation.all_mutants(every_ground)
    if ASKED == "all":
        return found
    dice = random.Random(SEED)
    ground = dice.choice(every_ground)
    here = [trials for trials in found if trials[0][0] is ground]
    return dice.sample(here, min(int(ASKED), len(here)))


def test_reasons_are_still_needed(every_ground: list[Ground]) -> None:
    """Each kind of equivalent mutants is there."""
    names = [f"{ground.name}: {mutant.name}" for trials in mutation.all_mutants(every_ground)
             for ground, mutant in trials]
    unneeded = [one.pattern for one in EQUIVALENT if not any(map(one.fits, names))]
    assert not unneeded


@pytest.mark.timeout(0)
def test_mutants_are_found_out(every_ground: list[Ground], capsys: pytest.CaptureFixture[str]) -> None:
    """Each by a play, by the reference machine, or by nft, but for those that are no different."""
    count: Counter[tuple[str, str]] = Counter()
    survivors: list[Outcome] = []
    chosen = _chosen(every_ground)
    for number, outcome in enumerate(mutation.try_all(chosen, JOBS), 1):
        verdict = "found out" if outcome.found else "equivalent" if reason_for(outcome.name) else "survived"
        count[outcome.mutant.kind, verdict] += 1
        if verdict == "survived":
            survivors.append(outcome)
        with capsys.disabled():
            if verdict == "survived":
                print(f"\n{outcome.name}", end="", flush=True)
            if number % PROGRESS == 0:
                print(f"\n{number} of {len(chosen)}, {len(survivors)} survived", end="", flush=True)
    with capsys.disabled():
        print(f"\nseed {SEED}:", *(f"{number} {kind} {verdict}" for (kind, verdict), number in sorted(count.items())),
              sep="\n  ")
    assert not survivors, "\n".join(outcome.name for outcome in survivors)


@pytest.mark.timeout(0)
def test_right_tables_are_not(every_ground: list[Ground]) -> None:
    """Whoever finds fault with everything proves nothing."""
    assert not [found for found in mutation.try_right(_chosen(every_ground)) if found]
