"""Fixtures of the fleet tests: sixteen nodes of two releases with nftables and Python alone, and a controller."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/ansible"), str(ROOT / "tests/fleet")]

from bed import Bed, wheels  # noqa: E402
from bed.cli import binary  # noqa: E402
from bed.fixtures import require_root  # noqa: E402
from bed.host import SYSTEM_PATH  # noqa: E402
from bed.systems import Unreachable, make  # noqa: E402
from controller import Controller, Unavailable, find  # noqa: E402
from nodes import SSHD, Nodes, unpacked  # noqa: E402

RELEASES = ("bookworm", "trixie")
PACKAGES = ("nftables", "python3")  # and nothing of ours
EACH = 8


@dataclass
class Fleet:
    """Nodes by name, and who plays on them."""

    nodes: Nodes
    controller: Controller
    installed: "Installed"


@dataclass(frozen=True)
class Installed:
    """Where the controller has the command and the module."""

    bin: Path
    python: Path
    no_wheel: str = ""  # why it has the build

    @property
    def command(self) -> Path:
        return self.bin / "knockwork"


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Nodes are named by their release: bookworm1, trixie8."""
    require_root()
    try:
        ansible = find("debian")
    except Unavailable as why:
        pytest.skip(str(why))
    (ROOT / "build").mkdir(exist_ok=True)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="fleet-")))
        folders = {}
        for release in RELEASES:
            archive = work / f"{release}.tar"
            try:
                make(release, PACKAGES, archive)
            except Unreachable as reason:
                pytest.skip(str(reason))
            folders[release] = stack.enter_context(unpacked(archive, work / release))
            archive.unlink()
        systems = {f"{release}{number}": folders[release] for release in RELEASES for number in range(1, EACH + 1)}
        installed = _install(work)
        bed = stack.enter_context(Bed(list(systems), {"PATH": SYSTEM_PATH}, sshd=SSHD))
        bed.controller.environment.update(PATH=f"{installed.bin}:{SYSTEM_PATH}", PYTHONPATH=str(installed.python))
        yield Fleet(Nodes(bed, systems), Controller(bed, ansible), installed)


def _install(work: Path) -> Installed:
    """The wheel, installed; the build where no package index answers."""
    try:
        venv = wheels.environment(work / "venv", str(wheels.make(work / "wheels")))
    except Unreachable as reason:
        return Installed(binary().parent, binary().parent / "python", str(reason))
    return Installed(venv / "bin", next(venv.glob("lib/python3*/site-packages")))
