"""Whether a wrong table is found out: loaded in place of the right one, and compared with the machine."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bed.cli import Knockwork
from bed.host import CommandFailed
from bed.table import Table
from model import directed, observer, trial
from model.cases import Case, renumbered
from model.declaration import Declaration
from model.network import Site
from model.observation import Expectation, Observation, narrowed, observe, slowed
from model.script import Script

_FILLED_LATER = ("tokens", "good")
_TIMES = 2
NOTHING = Script((), dirty=False)
_turns = itertools.count()


def right_table(made: Site, declaration: Declaration) -> Table:
    """What knockwork makes of a declaration, without what packets and time put there."""
    made.server.nft("flush ruleset\n")
    Knockwork(made.server).apply(declaration.text())
    listed = observer.look(made)[1]
    return replace(listed, blocks=tuple(
        replace(block, elements=()) if block.dynamic or block.name in _FILLED_LATER else block
        for block in listed.blocks))


def load(made: Site, script: Script, table: Table) -> None:
    """In one transaction, all that a script is played with. Raises CommandFailed where nft refuses it."""
    made.forget()
    neighbour = script.neighbour.table()
    parts = (table.text(), neighbour) if script.neighbour.early else (neighbour, table.text())
    made.server.nft(observer.table(script.dirty) + "".join(parts))


@dataclass
class Watched:
    """A directed play, and what the right table does in it. `narrow`: the kind of sets with hardly any room."""

    declaration: Declaration
    part: str
    narrow: str
    play: directed.Play
    expectation: Expectation

    @property
    def title(self) -> str:
        """Of the play."""
        return f"{self.part}, with little room for {self.narrow}" if self.narrow else self.part

    def difference(self, made: Site, right: Table, wrong: Table) -> str:
        """What another table does otherwise, and not just once. Raises CommandFailed where nft refuses it."""
        found = ""
        for _ in range(2):
            found = self.expectation.difference(look(made, self.declaration, self.play, self.narrow, right, wrong))
            if not found:
                break
        return found


def watch(made: Site, declaration: Declaration, part: str, narrow: str, right: Table) -> Watched:
    """Some times."""
    play = directed.play(declaration, part)
    return Watched(declaration, part, narrow, play, Expectation([
        look(made, declaration, play, narrow, right, right) for _ in range(_TIMES)]))


def look(made: Site, declaration: Declaration, play: directed.Play, narrow: str, right: Table,
         wrong: Table) -> Observation:
    """At one play, with a table that may be wrong."""
    load(made, play.script, narrowed(slowed(wrong), narrow))
    return observe(made, declaration, play, right)


def kinds(right: Table) -> list[str]:
    """Of sets that can be full."""
    return sorted({block.name.rstrip("46") for block in right.blocks if block.dynamic})


def judge(made: Site, case: Case, plays: Sequence[Watched], right: Table, wrong: Table) -> str:
    """How it was found out; empty where it was not."""
    try:
        for play in plays:
            difference = play.difference(made, right, wrong)
            if difference:
                return f"{play.title}: {difference}"
        for script in case.scripts:
            disagreement = compare(made, case.declaration, script, right, wrong)
            if disagreement:
                return disagreement
        load(made, NOTHING, wrong)
    except CommandFailed as failure:
        return f"nft refuses it: {failure}"
    except PermissionError:
        return "the hosts may not send"
    return "the kernel makes the same of it" if listed(made).configuration() == right.configuration() else ""


def compare(made: Site, declaration: Declaration, script: Script, right: Table, wrong: Table) -> str:
    """What the reference machine has against the kernel; empty where they agree. Raises CommandFailed."""
    load(made, script, wrong)
    found = trial.play(made, declaration, renumbered(script, next(_turns)), right).account.disagreements
    return str(found[0]) if found else ""


def listed(made: Site) -> Table:
    """What is there."""
    return observer.look(made)[1]
