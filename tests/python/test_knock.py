"""knock() against a gate, from another host."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.lab import CLIENT, SERVER, STRANGER

KNOCKS = ("47011/udp", "48123/tcp")
PORTS = ("47011", "48123")
DECLARATION = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [47011/udp, 48123/tcp], opens: [22/tcp], step_timeout: 1s}
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A gated server and its callers."""
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    with Lab() as made:
        server = Knockwork(made.server)
        server.apply(DECLARATION)
        profile = server.host.output(server.command("export", "--host", "gate", "--address", SERVER[0]))
        made.callers.write("/root/.config/knockwork/hosts.yml", profile, 0o600)
        yield made


def by_hand() -> list[object]:
    """Knocks that are given, sent and then checked."""
    import knockwork
    sent = knockwork.knock(SERVER[0], KNOCKS, source=CLIENT[0])
    opened = knockwork.knock(SERVER[0], KNOCKS, wait_open="22/tcp", interface="eth0", family="ipv4")
    assert opened == opened and opened != sent
    return [(each.outcome, each.host, each.address, each.sequence, each.rounds, each.message)
            for each in (sent, opened)] + [repr(opened)]


def test_by_hand(lab: Lab) -> None:
    sent, opened, shown = lab.callers.call(by_hand)
    assert sent == ("sent", SERVER[0], SERVER[0], "", 1, "")
    assert opened == ("open", SERVER[0], SERVER[0], "", 1, "")
    assert shown == ("Knocked(outcome='open', host='10.77.0.10', address='10.77.0.10', "
                     "addresses=('10.77.0.10',), sequence='', rounds=1, message=<hidden>)")


def by_profile() -> list[object]:
    """A sequence of the profile: what opens a port, and the only one there is."""
    import knockwork
    return [knockwork.knock("gate", wait_open="22").outcome, knockwork.knock("gate").sequence,
            knockwork.knock("gate", both=True, within=timedelta(seconds=9)).outcome,
            knockwork.knock("gate", sequence="ssh", delay=timedelta(milliseconds=5), prove=False).outcome]


def test_by_a_profile(lab: Lab) -> None:
    assert lab.callers.call(by_profile) == ["open", "ssh", "open", "sent"]


@pytest.mark.parametrize("family", ["IPv4", "inet6", ""])
def test_no_family(family: Any) -> None:
    import knockwork
    with pytest.raises(ValueError, match="^family: write any, ipv4 or ipv6$"):
        knockwork.knock("192.0.2.1", ["7000/udp"], family=family)


def test_no_proof_of_a_service() -> None:
    import knockwork
    with pytest.raises(ValueError, match="^wait_open asks for a proof, and prove=False for none: pass one of them$"):
        knockwork.knock("192.0.2.1", ["7000/udp"], wait_open="22/tcp", prove=False)


def failures() -> list[str]:
    """What is refused, unreachable and wrong."""
    import knockwork
    said = []
    ways: list[tuple[str, dict[str, Any]]] = [
        (SERVER[0], {"knocks": ["47011"], "wait_open": "22"}), ("203.0.113.1", {"knocks": ["1"]})]
    for host, options in ways:
        knocked = knockwork.knock(host, retries=0, **options)
        said.append(f"{knocked.outcome}: {knocked.message}")
        assert "22/tcp" not in repr(knocked)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("else", {}), ("gate", {"knocks": ["47011/sctp"]}), ("gate", {"wait_open": "22/udp"}),
        ("gate", {"profile": "/run/none"})]
    for host, options in wrong:
        try:
            knockwork.knock(host, **options)
        except knockwork.KnockworkError as error:
            said.append(str(error))
    return said


def test_failures(lab: Lab) -> None:
    said = lab.callers.call(failures)
    assert said == [
        "refused: 22/tcp of 10.77.0.10 is still closed after knocking once: check that the knocks match its "
        "declaration, and that the service is listening",
        "unreachable: no route to 203.0.113.1: Network is unreachable",
        "the profile /root/.config/knockwork/hosts.yml has no host else: add an entry `- host: else`",
        "knock 1: unknown protocol `sctp`: write the port, a slash and tcp or udp, as in 7000/udp",
        "22/udp cannot be proved: only a single TCP port can",
        "the profile /run/none does not exist: write it (`knockwork export` on the host prints it), or name another "
        "with --profile"]
    assert not any(port in text for text in said for port in PORTS)


def meanwhile() -> int:
    """How often another thread gets to work while knocks are spread over 600 ms."""
    import knockwork
    ticks, done = 0, threading.Event()

    def work() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    knockwork.knock(SERVER[0], ["47011"] * 4, delay=timedelta(milliseconds=200))
    done.set()
    thread.join()
    return ticks


def test_others_work_meanwhile(lab: Lab) -> None:
    """The GIL is released: held, it would let the other thread tick once or twice."""
    assert lab.callers.call(meanwhile) > 5


def by_token() -> list[object]:
    """Twice within a period."""
    import knockwork
    return [(each.outcome, each.rounds)
            for each in (knockwork.knock("gate", source=source) for source in (CLIENT[0], STRANGER[0]))]


def test_by_token(lab: Lab) -> None:
    server = Knockwork(lab.server)
    server.apply("knockwork: 1\nsequences:\n  - {name: ssh, opens: [22/tcp], token: {port: 47011, "
                 "key: 67FLS4xYGmAUe7V/72dw/f3JgzFOCqWicMvys8lsbRw=}}\n")
    profile = server.host.output(server.command("export", "--for", "ssh", "--host", "gate", "--address", SERVER[0]))
    lab.callers.write("/root/.config/knockwork/hosts.yml", profile, 0o600)
    assert lab.callers.call(by_token) == [("open", 1), ("open", 1)]
