"""What the floods need, and what was measured, at the end."""

import subprocess
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from bed.fixtures import knockwork, lab, pytest_configure

lines: list[str] = []


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
