"""One command with one fault, judged: what the gate, the files and the user are left with."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass

import inside
import points
from bed import Lab
from bed.cli import Knockwork
from bed.table import parse
from commands import COMMANDS
from inside import Calls, Ended, State

TEMPORARY = re.compile(r"/\.knockwork\.[0-9a-f]+$")
STAND_IN = "/run/knockwork/stand_in"
_OF_TOKENS = ("tokens", "good", "used", "claimed")
_ERROR = "knockwork: error: "


def configuration(state: State) -> str | None:
    """What does not come and go with packets and time; tokens do."""
    if state.listing is None:
        return None
    table = parse(state.listing)
    for block in table.blocks:
        if block.name in _OF_TOKENS:
            table = table.with_block(type(block)(block.kind, block.name, 0, block.lines, ()))
    return re.sub(r"counter packets \d+ bytes \d+", "counter", table.configuration())


def live(state: State) -> dict[str, frozenset[str]]:
    """Who is granted, half through, locked out: the keys by the sets' names."""
    if state.listing is None:
        return {}
    table = parse(state.listing)
    return {block.name: frozenset(table.live(block.name)) for block in table.blocks
            if block.dynamic and block.elements and block.name not in ("counted", "overflow", *_OF_TOKENS)}


@dataclass(frozen=True)
class Trial:
    """A command on a host, from a state to which every fault goes back."""

    name: str
    lab: Lab
    gate: Knockwork
    before: State
    clean: Ended
    calls: Calls
    undone: State  # what a rollback leads to, where the command leaves or ends something that waits

    @property
    def words(self) -> list[str]:
        return COMMANDS[self.name].words.split()

    def inject(self, call: str, fault: str, number: int, once: bool = False) -> Ended:
        """Run it with a fault: in every one of its processes that makes so many calls, or `once`."""
        for _ in range(20):
            ended = self.gate.host.call(inside.inject, self.before, self.gate.command(*self.words),
                                        self.gate.host.environment, call, fault, number, once)
            if not once or ended.injected <= 1:  # else strace was not fast enough
                return ended
        raise TimeoutError("strace does not let go in time")

    def wrong(self, ended: Ended) -> list[str]:
        """What is not as it has to be after any fault, and after the next apply."""
        faults = [*self._wrong_table(ended.state), *_wrong_files(self.before, self.clean.state, ended.state)]
        if not ended.lock_free:
            faults.append("the lock is held")
        return [*faults, *self._wrong_afterwards(ended)]

    def _wrong_table(self, state: State) -> list[str]:
        if STAND_IN in state.files:  # told at the start of the host: another table, or none
            return []
        now, old, new = (configuration(each) for each in (state, self.before, self.clean.state))
        faults = [] if now in (old, new) else ["the table is neither the old nor the new one"]
        alive, before, clean = (live(each) for each in (state, self.before, self.clean.state))
        nobody: frozenset[str] = frozenset()
        for name in sorted(alive.keys() | before.keys() | clean.keys()) if now is not None else ():
            has, had, would = (each.get(name, nobody) for each in (alive, before, clean))
            if has - had - would or (had & would) - has:
                faults.append(f"other elements in {name}: {sorted(has)}")
        return faults

    def _wrong_afterwards(self, ended: Ended) -> list[str]:
        """The next apply converges, and says so; a second one finds nothing to do."""
        host = self.gate.host
        if inside.PENDING in ended.state.files:
            done = host.call(inside.run, self.gate.command("rollback", "--lock-timeout", "1s"), host.environment)
            if done[0] != 0:
                return [f"the rollback fails: {done}"]
            if configuration(host.call(inside.look)) != configuration(self.undone):
                return ["the rollback does not bring back what was there before"]
        argv = self.gate.command("apply", "--json", "--lock-timeout", "1s")
        was = configuration(host.call(inside.look))
        first, second = (host.call(inside.run, argv, host.environment) for _ in range(2))
        state = host.call(inside.look)
        if first[0] != 0 or second[0] != 0:
            return [f"the next apply fails: {first} {second}"]
        faults = []
        changes = [each for each in json.loads(first[1])["changes"]
                   if each["object"] not in ("tokens", "counted grants")]
        if bool(changes) != (was != configuration(state)):
            faults.append(f"the next apply reports {first[1]}")
        if json.loads(second[1])["changed"]:
            faults.append(f"the second apply changes something: {second[1]}")
        plan = host.call(inside.run, self.gate.command("plan", "--detailed-exitcode"), host.environment)
        if plan[0] != 0:
            faults.append(f"a plan finds something: {plan}")
        left = [path for path in state.files if TEMPORARY.search(path)]
        if left:
            faults.append(f"temporary files stay: {left}")
        return faults

    def wrong_words(self, ended: Ended, error: str) -> list[str]:
        """After an error: done and said so, or failed and said so, once and clearly."""
        faults = []
        lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
        if ended.status == self.clean.status:
            if lines:
                faults.append("success with an error message")
            clean = self.clean.state
            done = "run `knockwork apply`" not in ended.err  # a repair that cannot be done says what to do
            if done and (configuration(ended.state) != configuration(clean) or live(ended.state) != live(clean)):
                faults.append("success without its effect")
        elif ended.status != 1:
            faults.append("an exit status that is none of ours")
        elif len(lines) != 1 or not lines[0].startswith(_ERROR) or len(lines[0]) < len(_ERROR) + 20:
            faults.append("not one error message")
        if "no reason given" in ended.err or "Success" in ended.err or "Numerical result" in ended.err:
            faults.append("an unclear message")
        if error == "EINTR" and (ended.status != self.clean.status or "Interrupted" in ended.err):
            faults.append("an interrupted call is not repeated")
        return faults


def _wrong_files(before: State, clean: State, now: State) -> list[str]:
    """Each file is the old one or a whole new one, and nobody else may read it."""
    faults = []
    for path, (content, mode) in now.files.items():
        old = before.files.get(path)
        if path == inside.LOCK or TEMPORARY.search(path) or old == (content, mode):
            continue
        if mode & 0o077:
            faults.append(f"{path} has the mode {mode:o}")
        if not _is_whole(path, content, clean):
            faults.append(f"{path} is neither the old nor the new one: {content[:200]!r}")
    for path in before.files.keys() & clean.files.keys() - now.files.keys():
        if path.startswith(("/etc", "/var")):
            faults.append(f"{path} is gone")
    return faults


def _is_whole(path: str, content: bytes, clean: State) -> bool:
    if path.endswith(".json"):
        try:
            return isinstance(json.loads(content), dict)
        except ValueError:
            return False
    if path.endswith("/stamp"):
        return re.fullmatch(rb"\S* \d+ \d+ [0-9a-f]{64}\n", content) is not None
    if path.endswith("/bytes"):
        return re.fullmatch(rb"([0-9a-f]{64} ){3}(-|[0-9a-f]{64})\n", content) is not None
    if path.endswith("/in_doubt"):
        return re.fullmatch(rb"|[0-9a-f]{64}", content) is not None
    if path == STAND_IN:  # says why the declaration is not in force
        return bool(content)
    if path.endswith("/fingerprint.key"):
        return len(content) == 32
    return path in clean.files and content == clean.files[path][0]


def _undone(gate: Knockwork, before: State) -> State:
    if inside.PENDING not in before.files:
        return before
    gate.host.call(inside.put_back, before)
    gate.run("rollback")
    return gate.host.call(inside.look)


def prepare(lab: Lab, name: str) -> Trial:
    """The state before, and a clean run from it."""
    gate = Knockwork(lab.server)
    COMMANDS[name].begin(gate, lab)
    lab.server.call(inside.end_others)
    before = lab.server.call(inside.look)
    calls, clean = lab.server.call(inside.record, before, gate.command(*COMMANDS[name].words.split()),
                                   lab.server.environment, list(points.CHANGING))
    trial = Trial(name, lab, gate, before, clean, calls, _undone(gate, before))
    assert clean.status == 0 and not trial.wrong(clean), (clean, trial.wrong(clean))
    return trial
