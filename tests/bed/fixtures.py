"""What the suites' conftests share: what must be there before a test runs, and the usual lab. Import it there."""
from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterator

import pytest

from . import Lab
from .cli import Knockwork, binary


def require_root() -> None:
    """Say at once what is missing, instead of in every test."""
    if os.geteuid() != 0:
        pytest.exit("these tests make namespaces: run them as root (sudo)", 2)


def require_command() -> None:
    """The command of the build."""
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no command to test at {binary()}: build it, or set KNOCKWORK_CLI", 2)


def require_package() -> None:
    """The Python package beside it."""
    if not (binary().parent / "python/knockwork/py.typed").exists():
        pytest.exit(f"no package to test in {binary().parent / 'python'}: build it, or set KNOCKWORK_BUILD", 2)


def pytest_configure() -> None:
    """For suites that test the command in namespaces."""
    require_root()
    require_command()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In an order that is everywhere the same and no file's: workers side by side get their share of long ones.

    $KNOCKWORK_ONE_IN: of so many tests only one is run, always the same.
    """
    one_in = int(os.environ.get("KNOCKWORK_ONE_IN") or 1)
    items[:] = [item for item in items if zlib.crc32(item.nodeid.encode()) % one_in == 0]
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
