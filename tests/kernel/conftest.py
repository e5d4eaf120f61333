"""Fixtures of the kernel tests: a lab of its own for each, and the command on its server."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed import Caller, Lab  # noqa: E402
from bed.cli import Knockwork, binary  # noqa: E402


def pytest_configure() -> None:
    """Say at once what is missing, instead of in every test."""
    if os.geteuid() != 0:
        pytest.exit("the kernel tests make namespaces: run them as root (sudo)", 2)
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no command to test at {binary()}: build it, or set KNOCKWORK_CLI", 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In an order that is everywhere the same and no file's: workers side by side get their share of long ones."""
    random.Random(0).shuffle(items)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A server and its callers, for one test."""
    with Lab() as made:
        yield made


@pytest.fixture
def knockwork(lab: Lab) -> Knockwork:
    """The command on the lab's server."""
    return Knockwork(lab.server)


@pytest.fixture(params=["ipv4", "ipv6"])
def client(request: pytest.FixtureRequest, lab: Lab) -> Caller:
    """The client by either family."""
    return lab.client if request.param == "ipv4" else lab.client6


@pytest.fixture
def stranger(client: Caller, lab: Lab) -> Caller:
    """Another source of the client's family."""
    return lab.stranger if client is lab.client else lab.stranger6
