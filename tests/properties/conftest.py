"""The package of the build, and one lab for all pairs: between two of them its server forgets everything."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed import Lab  # noqa: E402
from bed.cli import binary  # noqa: E402
from bed.fixtures import require_command, require_package, require_root  # noqa: E402

sys.path.insert(0, str(binary().parent / "python"))

import gate  # noqa: E402


def pytest_configure() -> None:
    """Say at once what is missing."""
    require_root()
    require_command()
    require_package()
    os.environ["PYTHONPATH"] = str(binary().parent / "python")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Its server has two interfaces, a secret, and an echo at some services."""
    with Lab(tcp=(22, 80, 443, 8002), udp=(51820, 60005)) as made:
        made.server.ip("link add eth1 type veth peer name idle1", "link set eth1 up")
        made.server.call(gate.begin)
        for caller in (made.client, made.client6):
            assert caller.tcp(22, 5) == "open"  # neighbours know each other
        yield made
