"""Four promises beside each neighbour: what is protected stays so, its own traffic goes on, nobody touches its
tables, and no port of ours stands out among the closed ports of that host."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bed import Caller
from bed.capture import Probe, Reply, ask as probe
from bed.cli import Knockwork
from bed.packets import SYN
from bed.router import Router
from bed.waiting import wait_for
from neighbours.asking import Question, are_open
from neighbours.neighbour import KNOCKS, Neighbour

MODES = pytest.mark.parametrize("mode", ["gate", "stealth"])
OURS = re.compile(r"^table inet knockwork \{.*?^\}\n", re.DOTALL | re.MULTILINE)
CLOSED = (6000, 6100)


@MODES
def test_protected_stays_protected(lab: Router, knockwork: Knockwork, neighbour: Neighbour, mode: str) -> None:
    """Shut without a knock; open with one, for its source alone, and for its time."""
    clients, strangers = zip(*neighbour.callers(lab))
    doors = [*neighbour.doors, *neighbour.side_doors]
    openable = [*neighbour.doors, *(neighbour.side_doors if mode == "gate" else neighbour.stealthy_side_doors)]
    shut: list[list[str]] = [[]] * len(clients)
    assert _open(clients, neighbour.doors) == [list(neighbour.doors)] * len(clients)
    knockwork.apply(neighbour.declaration(mode, "3s"))
    assert _open(clients + strangers, doors) == shut + shut
    _knock(neighbour, clients, mode)
    assert _open(clients + strangers, doors) == [openable] * len(clients) + shut
    wait_for(lambda: _open(clients, doors) == shut, "the grant expires")
    neighbour.come_again(lab)
    assert _open(clients + strangers, doors) == shut + shut
    _knock(neighbour, clients, mode)
    assert _open(clients + strangers, doors) == [openable] * len(clients) + shut


def _knock(neighbour: Neighbour, clients: Sequence[Caller], mode: str) -> None:
    if mode == "stealth" and neighbour.side_doors:
        time.sleep(2.1)  # in stealth they are wrong ports: the lockout has to pass
    for client in clients:
        Caller(client.host, client.source, neighbour.knock_at or client.target).knock(*KNOCKS, gap=0.02)


def _open(callers: Sequence[Caller], doors: Sequence[str]) -> list[list[str]]:
    """For each caller, the doors that are open to it."""
    questions = [Question(caller.source, caller.target, door) for caller in callers for door in doors]
    answers = iter(callers[0].host.call(are_open, questions))
    return [[door for door in doors if next(answers)] for _ in callers]


@MODES
def test_its_traffic_goes_on(lab: Router, knockwork: Knockwork, neighbour: Neighbour, mode: str) -> None:
    """As without the gate, whichever of the two came first."""
    before = neighbour.traffic(lab)
    assert "open" in before.values()
    if mode == "stealth":  # whose closed ports are silent: the neighbour's silence and refusals are one to it
        before = {what: answer for what, answer in before.items()
                  if answer == "open" and what not in neighbour.lost_in_stealth}
    knockwork.apply(neighbour.declaration(mode))
    after = neighbour.traffic(lab)
    assert {what: after[what] for what in before} == before
    neighbour.come_again(lab)
    again = neighbour.traffic(lab)
    assert {what: again[what] for what in before} == before


@MODES
def test_its_tables_are_left_alone(lab: Router, knockwork: Knockwork, neighbour: Neighbour, mode: str) -> None:
    """Byte by byte, whatever is done with ours; and what was applied is unchanged."""
    before = _others(lab)
    declaration = neighbour.declaration(mode)
    knockwork.apply(declaration)
    assert _others(lab) == before
    generation = lab.generation()
    knockwork.apply(declaration)
    assert (_others(lab), lab.generation(), knockwork.differs()) == (before, generation, False)
    knockwork.apply(declaration.replace("30s", "40s"))
    assert _others(lab) == before
    knockwork.remove()
    assert _others(lab) == before == lab.server.output(["/usr/sbin/nft", "-s", "list", "ruleset"])


def _others(lab: Router) -> str:
    return OURS.sub("", lab.server.output(["/usr/sbin/nft", "-s", "list", "ruleset"]))


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_no_port_stands_out(lab: Router, knockwork: Knockwork, neighbour: Neighbour, protocol: str) -> None:
    """Gate mode: knock, guard and protected ports answer as this host's closed ports do, beside that neighbour."""
    if protocol in neighbour.unlike:
        pytest.skip(neighbour.unlike[protocol])
    beside = ("8000/tcp", "8001/tcp", "7000/udp", "7001/udp", *(() if neighbour.opens else ("443/tcp",)))
    ports = [int(door.partition("/")[0]) for door in dict.fromkeys((*beside, *neighbour.doors, *neighbour.side_doors))
             if door.endswith(protocol)]
    knockwork.apply(neighbour.declaration("gate"))
    for target in neighbour.targets:
        def said(port: int) -> Reply | None:
            answer = _answer(lab, target, port, protocol)
            return answer if neighbour.labelled or answer is None else replace(answer, labelled=False)

        closed, *others = map(said, CLOSED)
        assert others == [closed]
        answers = {port: said(port) for port in ports}
        assert {port: answer for port, answer in answers.items() if answer != closed} == {}, closed


def _answer(lab: Router, target: str, port: int, protocol: str) -> Reply | None:
    """From an address of its own for each port: wrong knocks of one say nothing of another."""
    source = f"fd99:0:{port:x}::1" if ":" in target else f"10.200.{port >> 8}.{port & 255}"
    question = Probe(port, SYN if protocol == "tcp" else None)
    answers: list[Reply | None] = lab.callers.call(probe, source, target, [question], 40000, 1, 0.3)
    return answers[0]
