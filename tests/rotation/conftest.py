"""A fleet for each test, rotated by Debian's ansible-core."""

import os
import random
import sys
from collections.abc import Iterator

import pytest

HOSTS = int(os.environ.get("KNOCKWORK_FLEET") or 3)
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
sys.path.insert(0, os.path.join(TESTS, "ansible"))

from bed.cli import binary  # noqa: E402
from bed.host import SYSTEM_PATH  # noqa: E402
from controller import find  # noqa: E402
from rotation.fleet import Fleet  # noqa: E402


def pytest_configure() -> None:
    """Say at once what is missing, instead of in every test."""
    if os.geteuid() != 0:
        pytest.exit("these tests make namespaces: run them as root (sudo)", 2)
    if not os.access(binary(), os.X_OK) or not (binary().parent / "python/knockwork").is_dir():
        pytest.exit("no command and package to test: build them, or set KNOCKWORK_BUILD", 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In an order that is everywhere the same and no file's: workers side by side get their share of long ones."""
    random.Random(0).shuffle(items)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Three hosts at epoch 0, or as many as $KNOCKWORK_FLEET says."""
    build = binary().parent
    environment = {"PATH": f"{build}:{SYSTEM_PATH}", "PYTHONPATH": str(build / "python")}
    names = [f"host{number}" for number in range(1, HOSTS + 1)]
    with Fleet(find("debian"), environment, names) as made:
        yield made
