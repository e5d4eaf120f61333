"""What the model's tests need, and the counts at the end."""

import os

import pytest
from _pytest.terminal import TerminalReporter

from bed.cli import binary
from model.runs import Total

totals: dict[str, Total] = {}  # by the test's name


def pytest_configure() -> None:
    """Say at once what is missing, instead of in every test."""
    if os.geteuid() != 0:
        pytest.exit("the model's tests make namespaces: run them as root (sudo)", 2)
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no command to test at {binary()}: build it, or set KNOCKWORK_CLI", 2)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """How much was compared."""
    for name, total in totals.items():
        terminalreporter.write_line(f"{name}: {total}")


@pytest.fixture
def total(request: pytest.FixtureRequest) -> Total:
    """Counts that are printed at the end."""
    return totals.setdefault(request.node.name, Total())
