"""What the floods need, and what was measured, at the end."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from bed import Lab
from bed.cli import Knockwork, binary

lines: list[str] = []


def pytest_configure() -> None:
    """Say at once what is missing, instead of in every test."""
    if os.geteuid() != 0:
        pytest.exit("the floods make namespaces: run them as root (sudo)", 2)
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no command to test at {binary()}: build it, or set KNOCKWORK_CLI", 2)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """What was measured."""
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture
def told() -> list[str]:
    """Lines for the end."""
    return lines


@pytest.fixture(scope="session")
def spoof(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flooder, built."""
    program = tmp_path_factory.mktemp("flood") / "spoof"
    source = Path(__file__).with_name("spoof.cpp")
    subprocess.run(["g++", "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return str(program)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A server and its callers, for one test."""
    with Lab() as made:
        yield made


@pytest.fixture
def knockwork(lab: Lab) -> Knockwork:
    """The command on the lab's server."""
    return Knockwork(lab.server)
