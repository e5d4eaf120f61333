"""The event source with a fake command needs nothing; with the real one, a lab and the command of the build."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bed.fixtures import knockwork, lab, pytest_configure  # noqa: E402
