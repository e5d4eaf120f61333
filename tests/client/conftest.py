"""Fixtures of the client's tests: hosts with sshd behind a gate, and the command on both sides."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bed import Bed, Lab  # noqa: E402
from bed.cli import Knockwork, binary  # noqa: E402
from bed.fixtures import lab, pytest_configure  # noqa: E402
from bed.host import SYSTEM_PATH, Host  # noqa: E402
from visitor import Visitor  # noqa: E402


@pytest.fixture(scope="session")
def bed() -> Iterator[Bed]:
    """Two hosts with sshd, and a controller that may log in."""
    with Bed(2, {"PATH": f"{binary().parent}:{SYSTEM_PATH}"}) as made:
        yield made


@pytest.fixture
def gated(bed: Bed) -> Iterator[Visitor]:
    """host1 with a gate before its sshd; its profile is on the controller."""
    host = bed.hosts["host1"]
    gate = Knockwork(host)
    visitor = Visitor(bed.controller, gate, "host1")
    yield visitor
    gate.remove()
    host.run(["/bin/rm", "-rf", "/var/lib/knockwork"], check=True)  # grants are kept there
    bed.controller.run(["/bin/rm", "-rf", "/root/.config/knockwork"], check=True)


@pytest.fixture
def server(lab: Lab) -> Knockwork:
    """The command on the lab's server."""
    return Knockwork(lab.server)


@pytest.fixture
def callers(lab: Lab) -> Host:
    """Where the lab's callers are."""
    return lab.callers
