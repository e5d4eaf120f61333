"""The command's tests run on the server of one lab, each with a clean table."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed import Lab  # noqa: E402
from bed.cli import Knockwork, binary  # noqa: E402


def pytest_configure() -> None:
    """Say at once what is missing, instead of in every test."""
    if os.geteuid() != 0:
        pytest.exit("the command's tests make namespaces: run them as root (sudo)", 2)
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no command to test at {binary()}: build it, or set KNOCKWORK_CLI", 2)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One for all."""
    with Lab() as made:
        yield made


@pytest.fixture
def knockwork(lab: Lab) -> Iterator[Knockwork]:
    """The command on the lab's server; its table is taken away afterwards."""
    made = Knockwork(lab.server)
    yield made
    made.remove()
