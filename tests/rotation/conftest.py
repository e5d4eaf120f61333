"""A fleet for each test, rotated by Debian's ansible-core."""

import os
import sys
from collections.abc import Iterator

import pytest

HOSTS = int(os.environ.get("KNOCKWORK_FLEET") or 3)
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
sys.path.insert(0, os.path.join(TESTS, "ansible"))

from bed.cli import binary  # noqa: E402
from bed.fixtures import (  # noqa: E402
    pytest_collection_modifyitems, require_command, require_package, require_root)
from bed.host import SYSTEM_PATH  # noqa: E402
from controller import find  # noqa: E402
from rotation.fleet import Fleet  # noqa: E402


def pytest_configure() -> None:
    """Nodes get the command, controllers the package as well."""
    require_root()
    require_command()
    require_package()


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Three hosts at epoch 0, or as many as $KNOCKWORK_FLEET says."""
    build = binary().parent
    environment = {"PATH": f"{build}:{SYSTEM_PATH}", "PYTHONPATH": str(build / "python")}
    names = [f"host{number}" for number in range(1, HOSTS + 1)]
    with Fleet(find("debian"), environment, names) as made:
        yield made
