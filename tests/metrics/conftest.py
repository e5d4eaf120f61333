"""Fixtures of the tests of what monitors see."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed.fixtures import knockwork, lab, pytest_configure  # noqa: E402,F401
