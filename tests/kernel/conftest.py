"""Fixtures of the kernel tests: a lab of its own for each, and the command on its server."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed import Caller, Lab  # noqa: E402
from bed.fixtures import knockwork, lab, pytest_collection_modifyitems, pytest_configure  # noqa: E402


@pytest.fixture(params=["ipv4", "ipv6"])
def client(request: pytest.FixtureRequest, lab: Lab) -> Caller:
    """The client by either family."""
    return lab.client if request.param == "ipv4" else lab.client6


@pytest.fixture
def stranger(client: Caller, lab: Lab) -> Caller:
    """Another source of the client's family."""
    return lab.stranger if client is lab.client else lab.stranger6
