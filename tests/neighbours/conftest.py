"""Fixtures: a router with one neighbour in place, and the command on it."""

from collections.abc import Iterator

import pytest

from bed.cli import Knockwork
from bed.fixtures import pytest_configure
from bed.router import Router
from neighbours.kinds import KINDS
from neighbours.neighbour import Neighbour


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
