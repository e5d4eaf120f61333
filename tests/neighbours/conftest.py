"""Fixtures: a router with one neighbour in place, and the command on it."""

import os
from collections.abc import Iterator

import pytest

from bed.cli import Knockwork, binary
from bed.router import Router
from neighbours.kinds import KINDS
from neighbours.neighbour import Neighbour


def pytest_configure() -> None:
    """Say at once what is missing, instead of in every test."""
    if os.geteuid() != 0:
        pytest.exit("the neighbours live in namespaces: run them as root (sudo)", 2)
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no command to test at {binary()}: build it, or set KNOCKWORK_CLI", 2)


@pytest.fixture(params=KINDS, ids=[kind.name for kind in KINDS])
def neighbour(request: pytest.FixtureRequest) -> Neighbour:
    """Each of them."""
    kind: Neighbour = request.param
    return kind


@pytest.fixture
def lab(neighbour: Neighbour) -> Iterator[Router]:
    """A router on which the neighbour has moved in. Skips where this kernel has no such thing."""
    with Router() as made:
        if missing := neighbour.missing(made):
            pytest.skip(missing)
        neighbour.move_in(made)
        yield made


@pytest.fixture
def knockwork(lab: Router) -> Knockwork:
    """The command on the router."""
    return Knockwork(lab.server)
