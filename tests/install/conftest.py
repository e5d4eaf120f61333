"""Fixtures of the install tests: the packages of this tree, and Debian systems that have them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bed import Lab, wheels  # noqa: E402
from bed.fixtures import lab, require_root  # noqa: E402
from bed.systems import Unreachable, make  # noqa: E402
from bed.wheels import DIES_WITH_ME  # noqa: E402
from readme import ROOT  # noqa: E402
from systems import System, make_with  # noqa: E402

# Releases, and what is installed there. The Python module is for the Python that it was built with.
RELEASES = ("bookworm", "trixie")


def pytest_configure() -> None:
    """They make systems."""
    require_root()


@pytest.fixture(scope="session")
def work() -> Iterator[Path]:
    """A folder for what is too large for memory; another run has its own."""
    (ROOT / "build").mkdir(exist_ok=True)
    for left in (ROOT / "build").glob("install-*-*"):  # by a run that was killed
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix=f"install-{os.getpid()}-") as folder:
        yield Path(folder)


@dataclass(frozen=True)
class Packages:
    """A folder with this tree's packages, and what was printed when they were built."""

    folder: Path
    said: str


@pytest.fixture(scope="session")
def built(work: Path) -> Packages:
    """They are built twice and compared; $KNOCKWORK_PACKAGES has them already."""
    if "KNOCKWORK_PACKAGES" in os.environ:
        return Packages(Path(os.environ["KNOCKWORK_PACKAGES"]).resolve(), "")
    done = subprocess.run([*DIES_WITH_ME, ROOT / "packaging/build-deb", "--twice", work / "packages"], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert list((work / "packages").glob("*.deb")), done.stdout
    return Packages(work / "packages", done.stdout)


@pytest.fixture(scope="session")
def packages(built: Packages) -> Path:
    """Their folder."""
    return built.folder


@pytest.fixture(scope="session")
def made() -> dict[str, Path]:
    """Archives of systems by their releases: each is made once."""
    return {}


@pytest.fixture(params=RELEASES)
def system(request: pytest.FixtureRequest, packages: Path, work: Path, made: dict[str, Path],
           lab: Lab) -> Iterator[System]:
    """A system with the command's package, on the lab's server."""
    release = request.param
    if release not in made:
        from test_packages import install_commands
        try:
            print(make_with(release, packages, install_commands(), work / f"{release}.tar"))
        except Unreachable as reason:
            pytest.skip(str(reason))
        made[release] = work / f"{release}.tar"
    yield from _unpacked(lab, made[release])


def _unpacked(lab: Lab, archive: Path) -> Iterator[System]:
    system = System(lab.server, archive)
    yield system
    lab.server.run(["/usr/sbin/nft", "flush", "ruleset"], check=True)
    system.close()


@pytest.fixture(scope="session")
def wheel(work: Path) -> Path:
    """What packaging/build-wheel makes; beside it is the source distribution."""
    try:
        return wheels.make(work / "wheels")
    except Unreachable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def source(work: Path, wheel: Path) -> Path:
    """The source distribution, unpacked."""
    subprocess.run(["tar", "-xzf", next(wheel.parent.glob("*.tar.gz")), "-C", work], check=True)
    return next(work.glob("knockwork-*"))


@pytest.fixture(scope="session")
def venv_of_source(work: Path, source: Path) -> Path:
    """An environment into which the source was installed as README has it."""
    return wheels.environment(work / "venv-source", ".", source)


@pytest.fixture(scope="session")
def venv_of_wheel(work: Path, wheel: Path) -> Path:
    """An environment into which the wheel was installed."""
    return wheels.environment(work / "venv-wheel", str(wheel))


# Another than this wheel is built on, and the one that comes.
@pytest.fixture(params=("trixie", "sid"))
def other(request: pytest.FixtureRequest, work: Path, made: dict[str, Path], lab: Lab) -> Iterator[System]:
    """A system with nft and nothing of ours, on the lab's server."""
    name = f"bare-{request.param}"
    if name not in made:
        try:
            make(request.param, ["nftables"], work / f"{name}.tar")
        except Unreachable as reason:
            pytest.skip(str(reason))
        made[name] = work / f"{name}.tar"
    yield from _unpacked(lab, made[name])
