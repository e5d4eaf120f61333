"""Debian systems with nothing but the packages under test, each on a host of the bed.

One archive is made for a release; the system is unpacked into a host's own memory, and ends with it.
"""

import shlex
import subprocess
from pathlib import Path

from bed import systems
from bed.host import Host

PLACE = "/run/system"


def make_with(release: str, packages: Path, install: list[str], archive: Path) -> str:
    """A system of `release` in which `install` was run, in a folder of its own that holds `packages`.

    Returns what was printed. Raises Unreachable, CommandFailed.
    """
    script = "cd /root/packages && " + " && ".join(install)
    hooks = ['mkdir "$1"/root/packages',
             *(f"copy-in {shlex.quote(str(package))} /root/packages" for package in sorted(packages.glob("*.deb"))),
             f'chroot "$1" sh -ec {shlex.quote(script)}']
    return systems.make(release, ["systemd"], archive, hooks)


class System:
    """One such system: its own files, the network of its host."""

    def __init__(self, host: Host, archive: Path) -> None:
        self.host = host
        self.archive = archive
        for command in (["mkdir", PLACE], ["tar", "-xf", str(archive), "-C", PLACE],
                        ["mount", "--bind", "/proc", f"{PLACE}/proc"], ["mount", "--rbind", "/dev", f"{PLACE}/dev"]):
            host.run(command, check=True)

    def run(self, command: str, check: bool = True, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
        """A line of a shell, as root. Raises CommandFailed where `check` asks for success."""
        words = ["/usr/sbin/chroot", PLACE, "/bin/sh", "-ec", command]
        return self.host.run(words, check=check, timeout=timeout, env={"DEBIAN_FRONTEND": "noninteractive"})

    def write(self, path: str, text: str) -> None:
        """A file in it."""
        self.host.write(PLACE + path, text)

    def close(self) -> None:
        """Gives its memory back. Its host can have another."""
        self.host.run(["umount", "-l", f"{PLACE}/proc", f"{PLACE}/dev"], check=True)
        self.host.run(["rm", "-rf", "--one-file-system", PLACE], check=True)
