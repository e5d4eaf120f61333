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
PRESETS = ("release", "dev", "asan")


class BuildError(Exception):
    """A build failed; the text is the end of its log."""


@contextmanager
def lock(name: str) -> Iterator[None]:
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / f".{name}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _launcher() -> list[str]:
    return ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []


def commands(name: str) -> list[list[str]]:
    """How a build is made: a preset, or the fuzzers, which have a project of their own and clang."""
    if name in PRESETS:
        return [["cmake", "--preset", name, "-DKNOCKWORK_TESTS=ON", *_launcher()],
                ["cmake", "--build", "--preset", name]]
    folder = str(BUILD / name)
    return [["cmake", "-S", f"tests/{name}", "-B", folder, "-G", "Ninja", "-DCMAKE_CXX_COMPILER=clang++",
             *_launcher()],
            ["cmake", "--build", folder]]


def build(name: str, log: Path, limit: float = 1500) -> None:
    """Configures and builds into build/NAME. Raises BuildError."""
    # A fresh clone in another folder finds what ccache kept of the last one.
    env = {**os.environ, "CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
    with lock(name), open(log, "wb") as out:
        for argv in commands(name):
            status = process.finish(process.start(argv, out, env=env, cwd=ROOT), limit)
            if status:
                raise BuildError("\n".join(log.read_text(errors="replace").splitlines()[-40:]))
