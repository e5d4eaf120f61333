"""Fixtures of the boot tests: a system of each release with our files, as an install from source puts them there."""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/fleet"), str(ROOT / "tests/boot")]

from bed import systems  # noqa: E402
from bed.cli import binary  # noqa: E402
from bed.fixtures import pytest_configure  # noqa: E402,F401
from booted import groups  # noqa: E402
from nodes import unpacked  # noqa: E402

RELEASES = ("bookworm", "trixie")
PACKAGES = ("systemd", "systemd-sysv", "dbus", "nftables", "iproute2", "procps")
ENABLED = ("knockwork.service", "knockwork-rotate.timer", "knockwork-drift.service", "knockwork-metrics.timer",
           "knockwork-events.service")


@pytest.fixture(scope="session", params=RELEASES)
def system(request: pytest.FixtureRequest) -> Iterator[Path]:
    """One that nobody changes: installed, and all units enabled."""
    if groups() is None:
        pytest.skip("this machine has no cgroups of version 2")
    (ROOT / "build").mkdir(exist_ok=True)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="boot-")))
        archive = work / "system.tar"
        try:
            systems.make(request.param, PACKAGES, archive)
        except systems.Unreachable as reason:
            pytest.skip(str(reason))
        folder = stack.enter_context(unpacked(archive, work / "system"))
        subprocess.run(["cmake", "--install", str(binary().parent)], check=True, capture_output=True,
                       env={**os.environ, "DESTDIR": str(folder)})
        (folder / "var/lib/prometheus/node-exporter").mkdir(parents=True)
        subprocess.run(["/usr/sbin/chroot", str(folder), "systemctl", "enable", "--quiet", *ENABLED], check=True,
                       capture_output=True)
        yield folder
