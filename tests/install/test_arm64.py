"""The command for arm64: built on this machine, started in an emulator."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bed.systems import UNREACHABLE
from bed.wheels import DIES_WITH_ME
from readme import ROOT


@pytest.fixture(scope="module")
def said(work: Path) -> str:
    """What packaging/build-arm64 prints. The command is in the folder arm64."""
    if not shutil.which("mmdebstrap"):
        pytest.skip("mmdebstrap is missing")
    done = subprocess.run([*DIES_WITH_ME, ROOT / "packaging/build-arm64", work / "arm64"], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode and (UNREACHABLE.search(done.stdout) or "CXX compiler" not in done.stdout):
        pytest.skip(f"no system with the compiler can be made here: {done.stdout.strip().splitlines()[-1:]}")
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def test_it_starts(said: str) -> None:
    """It says its version and reads a declaration."""
    assert re.search(r"^knockwork \d+\.\d+\.\d+$", said, re.MULTILINE)
    assert re.search(r": valid, 2 sequences$", said, re.MULTILINE)


@pytest.mark.usefixtures("said")
def test_one_file(work: Path) -> None:
    """For that processor, and with no library but the one that the other one needs."""
    read = subprocess.run(["readelf", "--file-header", "--dynamic", "--wide", work / "arm64/knockwork"], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    assert re.search(r"Machine: +AArch64", read)
    assert set(re.findall(r"NEEDED.*\[(.*)\]", read)) - {"ld-linux-aarch64.so.1"} == {"libc.so.6"}
