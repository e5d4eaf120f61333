"""Debian systems with nothing but the packages under test, each on a host of the bed.

mmdebstrap makes one archive a release, and cleans up after itself; the system is unpacked into a host's own
memory, and ends with it.
"""

import re
import shlex
import subprocess
from pathlib import Path

from bed.host import CommandFailed, Host

PLACE = "/run/system"
MINUTES = 8
DIES_WITH_ME = ("/usr/bin/setpriv", "--pdeathsig", "TERM", "--")
UNREACHABLE = re.compile(r"Could not (?:resolve|connect)|Temporary failure|Unable to connect|Failed to fetch|timed out")


class Unreachable(Exception):
    """The archive of a release cannot be had."""


def make(release: str, packages: Path, install: list[str], archive: Path) -> str:
    """A system of `release` in which `install` was run, in a folder of its own that holds `packages`.

    Returns what was printed. Raises Unreachable, CommandFailed.
    """
    script = "cd /root/packages && " + " && ".join(install)
    hooks = [f"copy-in {shlex.quote(str(packages))} /root",
             f'mv "$1"/root/{shlex.quote(packages.name)} "$1"/root/packages',
             f'chroot "$1" sh -ec {shlex.quote(script)}']
    options = ('Acquire::Check-Valid-Until "false"', 'APT::Get::Assume-Yes "true"', 'APT::Install-Recommends "false"')
    argv = [*DIES_WITH_ME, "mmdebstrap", "--variant=minbase", "--include=systemd",
            *(f"--aptopt={option}" for option in options), *(f"--customize-hook={hook}" for hook in hooks),
            release, str(archive)]
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60 * MINUTES)
    if done.returncode == 0:
        return done.stdout
    lost = UNREACHABLE.search(done.stdout)
    if lost:
        line = next(line for line in done.stdout.splitlines() if lost.group() in line)
        raise Unreachable(f"Debian's archive of {release}: {line.strip()}")
    raise CommandFailed(f"mmdebstrap {release}:\n{done.stdout[-6000:]}")


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
