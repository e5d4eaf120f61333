"""Libraries that change what the command finds, for LD_PRELOAD."""

import subprocess
from pathlib import Path

from bed.cli import ROOT


def preloaded(folder: Path, name: str) -> Path:
    """The library that tests/kernel/NAME.cpp makes, in that folder."""
    made = folder / f"{name}.so"
    subprocess.run(["g++", "-shared", "-fPIC", "-O1", "-o", made, ROOT / f"tests/kernel/{name}.cpp"], check=True)
    folder.chmod(0o755)
    return made
