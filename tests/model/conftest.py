"""What the model's tests need, and the counts at the end."""

import pytest
from _pytest.terminal import TerminalReporter

from bed.fixtures import pytest_configure
from model.runs import Total

totals: dict[str, Total] = {}  # by the test's name


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """How much was compared."""
    for name, total in totals.items():
        terminalreporter.write_line(f"{name}: {total}")


@pytest.fixture
def total(request: pytest.FixtureRequest) -> Total:
    """Counts that are printed at the end."""
    return totals.setdefault(request.node.name, Total())
