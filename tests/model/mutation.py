"""All mutants of a declaration's table, each tried with what concerns it, on a few sites at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bed.table import Table
from model import cases, coverage, directed, judge, runs
from model.cases import Case
from model.coverage import Rule, Visits
from model.judge import Watched
from model.mutants import Mutant, mutants
from model.network import Site
from model.script import Script

Visited = dict[Rule, Visits]
_FEW = 4  # scripts for one mutant
_NONE = Visits()


@dataclass
class Ground:
    """What is known of a declaration's right table."""

    name: str
    case: Case
    right: Table
    by_part: dict[str, Visited] = field(default_factory=dict)
    by_script: list[Visited] = field(default_factory=list)  # empty until a survey
    watched: dict[tuple[str, str], Watched] = field(default_factory=dict)  # by part, and what has little room

    def plays_for(self, mutant: Mutant) -> list[tuple[str, str]]:
        """The most telling first; for what asks a set, those in which that set is full."""
        worth = {part: self.by_part[part].get(mutant.rule, _NONE).worth if mutant.rule else 1
                 for part in directed.PARTS}
        telling = sorted((part for part in worth if worth[part]), key=lambda part: -worth[part])
        asks = mutant.before if mutant.rule else mutant.place.replace("set ", "@")
        asks = asks.replace("@overflow", "@overflow @locked")  # which is full first
        full = [kind for kind in judge.kinds(self.right) if f"@{kind}" in asks]
        first = "sequences, IPv6 first" if mutant.before.startswith("ip6 ") else "sequences"  # what is used up later
        return [(part, "") for part in telling] + [(first, kind) for kind in full]

    def scripts_for(self, mutant: Mutant) -> Case:
        """Likewise."""
        ranked = list(enumerate(self.case.scripts))
        if mutant.rule:
            worth = [visited.get(mutant.rule, _NONE).worth for visited in self.by_script]
            ranked = sorted((one for one in ranked if worth[one[0]]), key=lambda one: -worth[one[0]])
        return Case(self.case.declaration, tuple(script for _, script in ranked[:_FEW]))


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant."""

    declaration: str
    mutant: Mutant
    found: str  # how it was found out; empty where it was not

    @property
    def name(self) -> str:
        """With the declaration's."""
        return f"{self.declaration}: {self.mutant.name}"


def grounds(names: Sequence[str], scripts: int) -> list[Ground]:
    """With so many scripts each; not yet surveyed."""
    return [Ground(name, cases.case(name, scripts), table) for name, table in zip(names, runs.on_sites(_right, names))]


def survey(new: Sequence[Ground]) -> None:
    """What is to be known before any mutant is tried."""
    tasks = [(ground, what) for ground in new for what in (*directed.PARTS, *range(len(ground.case.scripts)))]
    for (ground, what), visited in zip(tasks, runs.on_sites(_visit, tasks)):
        if isinstance(what, str):
            ground.by_part[what] = visited
        else:
            ground.by_script.append(visited)


def _right(made: Site, name: str) -> Table:
    return judge.right_table(made, cases.DECLARATIONS[name])


def _visit(made: Site, task: tuple[Ground, str | int]) -> Visited:
    ground, what = task
    counting = coverage.counting(ground.right)
    if isinstance(what, str):
        judge.look(made, ground.case.declaration, directed.play(ground.case.declaration, what), "",
                   ground.right, counting)
    else:
        disagreement = judge.compare(made, ground.case.declaration, ground.case.scripts[what], ground.right, counting)
        if disagreement:  # it would be found in every mutant
            raise AssertionError(f"{ground.name}, script {what}: {disagreement}")
    return coverage.visits(judge.listed(made))


Trials = tuple[tuple[Ground, Mutant], ...]


def all_mutants(found: Iterable[Ground]) -> list[Trials]:
    """The same change of the same rule only once, with every ground on which it can be tried."""
    by_name: dict[str, Trials] = {}
    for ground in found:
        for mutant in mutants(ground.right):
            by_name[mutant.name] = (*by_name.get(mutant.name, ()), (ground, mutant))
    return list(by_name.values())


def try_all(chosen: Sequence[Trials], jobs: int = runs.JOBS) -> Iterator[Outcome]:
    """Each mutant's outcome, as they come: where one ground does not find it out, on the next."""
    while chosen:
        by_name = {trials[0][1].name: trials for trials in chosen}
        _watch([trials[0] for trials in chosen])
        tasks = ((ground.name, mutant, ground.right, ground.scripts_for(mutant),
                  [ground.watched[play] for play in ground.plays_for(mutant)]) for (ground, mutant), *_ in chosen)
        left = []
        for outcome in runs.as_they_come(_try, tasks, jobs):
            others = by_name[outcome.mutant.name][1:]
            if outcome.found or not others:
                yield outcome
            else:
                left.append(others)
        chosen = left


def _watch(chosen: Sequence[tuple[Ground, Mutant]]) -> None:
    """The plays that are needed, with the right tables."""
    found = {ground.name: ground for ground, _ in chosen}
    survey([ground for ground in found.values() if not ground.by_part])
    needed = {(ground.name, *play) for ground, mutant in chosen for play in ground.plays_for(mutant)
              if play not in ground.watched}
    tasks = [(found[name], part, narrow) for name, part, narrow in sorted(needed)]
    for (ground, part, narrow), watched in zip(tasks, runs.on_sites(_watch_one, tasks)):
        ground.watched[part, narrow] = watched


def _watch_one(made: Site, task: tuple[Ground, str, str]) -> Watched:
    ground, part, narrow = task
    return judge.watch(made, ground.case.declaration, part, narrow, ground.right)


def _try(made: Site, task: tuple[str, Mutant, Table, Case, list[Watched]]) -> Outcome:
    name, mutant, right, case, plays = task
    return Outcome(name, mutant, judge.judge(made, case, plays, right, mutant.table))


def try_right(chosen: Sequence[Trials]) -> list[str]:
    """What is found wrong with the right tables by all that these mutants are tried with."""
    _watch([trials[0] for trials in chosen])
    found = {ground.name: ground for ((ground, _), *_) in chosen}
    tasks: list[tuple[Ground, Watched | Script]] = []
    for ground in found.values():
        tasks += [(ground, play) for play in ground.watched.values()]
        tasks += [(ground, script) for script in ground.case.scripts]
    return runs.on_sites(_try_right, tasks)


def _try_right(made: Site, task: tuple[Ground, Watched | Script]) -> str:
    ground, what = task
    if isinstance(what, Script):
        return judge.compare(made, ground.case.declaration, what, ground.right, ground.right)
    return what.difference(made, ground.right, ground.right)
