"""Fixtures of the fault tests: a lab of its own for each, and the command on its server."""
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed.fixtures import knockwork, lab, pytest_collection_modifyitems  # noqa: E402,F401
from bed.fixtures import require_command, require_root  # noqa: E402


def pytest_configure() -> None:
    """For suites that trace the command in namespaces."""
    require_root()
    require_command()
    if not os.access("/usr/bin/strace", os.X_OK):
        pytest.exit("no strace: tests/lib/install faults", 2)
