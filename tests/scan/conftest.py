"""What the scans need, and their table at the end."""

from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter

from bed import Lab
from bed.cli import Knockwork
from bed.fixtures import pytest_configure

rows: list[str] = []  # what was swept, in the order of the tests
times: list[str] = []  # what round trips tell


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist sends what it has; see pytest_testnodedown."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = [rows, times]


def _take(node: Any) -> None:
    """What a worker sent is part of the table."""
    for ours, theirs in zip((rows, times), getattr(node, "workeroutput", {}).get("told", ())):
        ours += theirs


pytest_testnodedown = pytest.hookimpl(optionalhook=True)(_take)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """The table."""
    if rows:
        terminalreporter.write_line(f"{'sweep':<36}{'packets':>8}{'seconds':>9}  {'opened':<28}{'machine'}")
    for row in rows:
        terminalreporter.write_line(row)
    if times:
        terminalreporter.write_line(f"{'round trips':<16}{'port':<22}{'mean, ns':>9}{'sigma, ns':>11}{'for 99 %':>12}")
    for row in times:
        terminalreporter.write_line(row)


@pytest.fixture
def figures() -> list[str]:
    """Lines on time for the end."""
    return times


@pytest.fixture
def table() -> list[str]:
    """Rows for the table at the end."""
    return rows


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One that answers every refused packet, however many there are."""
    with Lab() as made:
        made.server.sysctl("net.ipv4.icmp_ratemask", 0)
        made.server.sysctl("net.ipv6.icmp.ratemask", "\n")
        yield made


@pytest.fixture
def knockwork(lab: Lab) -> Knockwork:
    """The command on the lab's server, which starts without a table."""
    lab.server.run(["/usr/sbin/nft", "flush", "ruleset"], check=True)
    return Knockwork(lab.server)
