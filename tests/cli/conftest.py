"""The command's tests run on the server of one lab, each with a clean table."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed import Lab  # noqa: E402
from bed.cli import Knockwork  # noqa: E402
from bed.fixtures import pytest_configure  # noqa: E402


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
    made.host.run(["rm", "-f", "/run/knockwork/removed"], check=True)  # the next test finds a host as new
