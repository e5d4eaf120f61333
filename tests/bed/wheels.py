"""The wheel of this tree, as packaging/build-wheel makes it, and environments into which pip installs."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bed.systems import Unreachable

ROOT = Path(__file__).resolve().parents[2]
DIES_WITH_ME = ("/usr/bin/setpriv", "--pdeathsig", "TERM", "--")
NO_INDEX = re.compile("No matching distribution found|Failed to establish a new connection")


def make(folder: Path) -> Path:
    """The wheel, beside the source distribution: in `folder`, or in $KNOCKWORK_WHEELS, which has them already.

    Raises Unreachable where no package index answers.
    """
    if "KNOCKWORK_WHEELS" in os.environ:
        folder = Path(os.environ["KNOCKWORK_WHEELS"]).resolve()
    else:
        build = ROOT / f"build/wheel-{os.getpid()}"
        try:
            _ask_index([ROOT / "packaging/build-wheel", folder], ROOT, _compiled_once(build))
        finally:
            shutil.rmtree(build, ignore_errors=True)
    return next(folder.glob("*.whl"))


def _compiled_once(build: Path) -> dict[str, str]:
    """What lets ccache give what the tests' own build has compiled."""
    if not shutil.which("ccache"):
        return {}
    return {"CXX": "c++", "CMAKE_CXX_COMPILER_LAUNCHER": "ccache", "SKBUILD_BUILD_DIR": str(build),
            "CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}


def environment(folder: Path, origin: str, place: Path = ROOT) -> Path:
    """A new environment in `folder`, for which `pip install` was run in `place`. Raises Unreachable."""
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
    _ask_index([folder / "bin/pip", "install", origin], place, {})
    return folder


def _ask_index(argv: Sequence[str | Path], place: Path, env: dict[str, str]) -> None:
    done = subprocess.run([*DIES_WITH_ME, *argv], cwd=place, env={**os.environ, **env}, check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode and NO_INDEX.search(done.stdout):
        raise Unreachable(f"no package index: {done.stdout.splitlines()[-1]}")
    assert done.returncode == 0, done.stdout[-6000:]
