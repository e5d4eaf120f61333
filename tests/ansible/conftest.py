"""Fixtures of the Ansible tests: three hosts with sshd, a controller, each promised ansible-core."""

import os
import sys
from collections.abc import Iterator

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bed import Bed  # noqa: E402
from bed.cli import binary  # noqa: E402
from bed.fixtures import require_command, require_package, require_root  # noqa: E402
from bed.host import SYSTEM_PATH  # noqa: E402
from controller import ANSIBLES, Ansible, Controller, Unavailable, find  # noqa: E402
from gated import Gated  # noqa: E402


@pytest.fixture(scope="session")
def bed() -> Iterator[Bed]:
    """Hosts on which the command and the Python package are those of the build."""
    require_root()
    require_command()
    require_package()
    build = binary().parent
    with Bed(3, {"PATH": f"{build}:{SYSTEM_PATH}", "PYTHONPATH": str(build / "python")}) as made:
        yield made


@pytest.fixture(scope="session", params=ANSIBLES)
def each_ansible(request: pytest.FixtureRequest) -> Ansible:
    """Every promised ansible-core, one after the other."""
    return _found(request.param)


@pytest.fixture(scope="session")
def debians() -> Ansible:
    """Debian's ansible-core."""
    return _found("debian")


def _found(name: str) -> Ansible:
    try:
        return find(name)
    except Unavailable as why:
        pytest.skip(str(why))


@pytest.fixture
def everywhere(bed: Bed, each_ansible: Ansible) -> Controller:
    """A controller with each ansible-core, and hosts as new."""
    return Controller(bed, each_ansible)


@pytest.fixture
def controller(bed: Bed, debians: Ansible) -> Controller:
    """A controller with Debian's ansible-core, and hosts as new."""
    return Controller(bed, debians)


@pytest.fixture(scope="session")
def ten(bed: Bed) -> Iterator[Bed]:
    """Ten hosts more, for those who come through the gate."""
    with Bed(10, {name: bed.controller.environment[name] for name in ("PATH", "PYTHONPATH")}) as made:
        yield made


@pytest.fixture
def gated(ten: Bed, debians: Ansible) -> Gated:
    """Three gated hosts and Debian's ansible-core."""
    return Gated(ten, debians, 3)


@pytest.fixture
def gated_everywhere(ten: Bed, each_ansible: Ansible) -> Gated:
    """Three gated hosts and each ansible-core."""
    return Gated(ten, each_ansible, 3)


@pytest.fixture
def ten_gated(ten: Bed, debians: Ansible) -> Gated:
    """All ten and Debian's ansible-core."""
    return Gated(ten, debians, 10)


@pytest.fixture
def ten_gated_everywhere(ten: Bed, each_ansible: Ansible) -> Gated:
    """All ten and each ansible-core."""
    return Gated(ten, each_ansible, 10)
