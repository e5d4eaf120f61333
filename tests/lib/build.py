"""Building presets, one build of a folder at a time whoever asks."""
from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import process

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


class BuildError(Exception):
    """A build failed; the text is the end of its log."""


@contextmanager
def lock(name: str) -> Iterator[None]:
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / f".{name}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _launcher(name: str) -> list[str]:
    """None for the build that lint looks at: without ccache a room is one file, which clang-tidy reads far sooner."""
    return ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") and name != "asan" else []


def commands(name: str) -> list[list[str]]:
    """How a preset is built for the tests.

    Warnings are errors, so that no build is made for them alone; not with compilers that nobody has looked at
    (KNOCKWORK_STRICT=OFF in the environment).
    """
    strict = os.environ.get("KNOCKWORK_STRICT", "ON")
    return [["cmake", "--preset", name, "-DKNOCKWORK_TESTS=ON", f"-DKNOCKWORK_STRICT={strict}", *_launcher(name)],
            ["cmake", "--build", "--preset", name]]


def build(name: str, log: Path, limit: float = 1500, patient: bool = False) -> None:
    """Configures and builds into build/NAME. Raises BuildError."""
    # A fresh clone in another folder finds what ccache kept of the last one.
    env = {**os.environ, "CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
    with lock(name), open(log, "wb") as out:
        for argv in commands(name):
            status = process.finish(process.start(argv, out, env=env, cwd=ROOT, patient=patient), limit)
            if status:
                raise BuildError("\n".join(log.read_text(errors="replace").splitlines()[-40:]))
