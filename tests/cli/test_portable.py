"""The command is one file for every release: what it needs of the machine that it runs on."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bed import Host
from bed.cli import binary

LOADER = re.compile(r"ld-linux[\w-]*\.so\.\d")
GLIBC = (2, 36)  # of Debian 12
DECLARATION = "knockwork: 1\nsequences: [{name: ssh, knock: [7000, 8000], opens: [22/tcp]}]\n"


def printed(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_needed_libraries() -> None:
    """The C library: all else is in it, or loaded when it is asked for."""
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", printed("readelf", "--dynamic", "--wide", binary())))
    assert {name for name in needed if not LOADER.fullmatch(name)} == {"libc.so.6"}


def test_versions_of_symbols() -> None:
    """None that a glibc of 2.36 lacks."""
    if _version(printed("getconf", "GNU_LIBC_VERSION").split()[1]) > GLIBC:
        pytest.skip("what is built here is for this release and later ones: glibc is newer than 2.36")
    asked = set(re.findall(r"Name: ([A-Z]\w*?)_([\d.]+)\b", printed("readelf", "--version-info", "--wide", binary())))
    assert {name for name, _ in asked} == {"GLIBC"}
    assert max(_version(number) for _, number in asked) <= GLIBC


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@pytest.fixture(params=["libnftables.so.1", "libmnl.so.0"])
def bare(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A machine without one of nft's libraries."""
    host = Host("bare")
    for library in printed("sh", "-c", f"ls /usr/lib/*/{request.param}").split():
        host.run(["mount", "--bind", "/dev/null", library], check=True)
    host.write("/root/knockwork.yml", DECLARATION)
    yield host
    host.close()


def test_without_the_libraries_of_nft(bare: Host) -> None:
    """Whoever knocks or checks a declaration needs none; whoever asks the kernel is told what to install."""
    for arguments in (("validate", "/root/knockwork.yml"), ("knock", "127.0.0.1", "7000"), ("--version",)):
        bare.run([str(binary()), *arguments], check=True)
    done = bare.run([str(binary()), "apply", "/root/knockwork.yml"])
    assert done.returncode == 1
    error = next(line for line in done.stderr.splitlines() if "error" in line)
    assert re.match("knockwork: error: cannot load lib(nftables|mnl): ", error)
    assert error.endswith(" install nftables)")
