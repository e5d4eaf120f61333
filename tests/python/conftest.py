"""Fixtures of the Python tests: the package of the build, and a host for what touches the kernel."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed import Host  # noqa: E402
from bed.cli import binary  # noqa: E402
from bed.fixtures import require_package  # noqa: E402

PACKAGE = binary().parent / "python"
sys.path.insert(0, str(PACKAGE))


def pytest_configure() -> None:
    """Say at once what is missing, instead of in every test."""
    require_package()
    os.environ["PYTHONPATH"] = str(PACKAGE)


@pytest.fixture
def inside() -> Iterator[Callable[..., Any]]:
    """Calls a function of a test module inside a host of its own: inside(function, argument…)."""
    if os.geteuid() != 0:
        pytest.skip("needs root for a network namespace")
    host = Host("python", {"PYTHONPATH": str(PACKAGE)})
    try:
        yield host.call
    finally:
        host.close()
