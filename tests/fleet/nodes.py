"""Hosts of the bed that are another Debian system inside: what comes over SSH sees that system alone.

A release is unpacked once, below build/; each host has a layer of its own over it, in memory.
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bed import Bed, Host

PLACE = "/run/system"
SSHD = f"ChrootDirectory {PLACE}\n"
# Of a node that is off: its disk, as far as this matters.
DISK = ("/etc/knockwork", "/etc/systemd/system", "/usr/local/lib/knockwork", "/var/lib/knockwork", "/root")
_KEPT = "/run/kept"
_SYSTEMCTL = """\
#!/bin/sh
case $1 in
  enable) mkdir -p /etc/systemd/system/sysinit.target.wants
    ln -sf "/etc/systemd/system/$2" "/etc/systemd/system/sysinit.target.wants/$2" ;;
esac
"""


@contextmanager
def unpacked(archive: Path, folder: Path) -> Iterator[Path]:
    """The system of an archive, for as many nodes as there may be."""
    folder.mkdir()
    try:
        subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=True)


class Nodes:
    """The nodes of a bed, by name, and the systems they run."""

    def __init__(self, bed: Bed, systems: Mapping[str, Path]) -> None:
        self.bed = bed
        self.systems = systems
        for name in systems:
            self._furnish(self.bed.hosts[name], systems[name])

    def run(self, name: str, *argv: str, check: bool = True) -> str:
        """What a command prints in the node's own system."""
        done = self.bed.hosts[name].run(["/usr/sbin/chroot", PLACE, *argv], check=check)
        return done.stdout

    def reboot(self, name: str) -> None:
        """Off and on again, and what is enabled there is started; what was in memory is gone."""
        host = self.bed.hosts[name]
        there = [path for path in DISK if not host.run(["test", "-e", PLACE + path]).returncode]
        host.run(["mkdir", _KEPT], check=True)
        host.run(["/bin/sh", "-ec", f"cd {PLACE} && cp -a --parents {' '.join(path[1:] for path in there)} {_KEPT}"],
                 check=True)
        self.bed.reboot(name, [_KEPT])
        host = self.bed.hosts[name]
        self._furnish(host, self.systems[name])
        host.run(["cp", "-a", f"{_KEPT}/.", PLACE], check=True)
        self._start(name)

    def _start(self, name: str) -> None:
        """systemd's part: the commands of the units that sysinit.target wants."""
        units = "cat /etc/systemd/system/sysinit.target.wants/* 2>/dev/null"
        wanted = self.run(name, "/bin/sh", "-c", units, check=False)
        for line in wanted.splitlines():
            if line.startswith("ExecStart="):
                self.run(name, "/bin/mkdir", "-p", "/run/knockwork")
                self.run(name, *line.split("=", 1)[1].split())

    @staticmethod
    def _furnish(host: Host, system: Path) -> None:
        layer = f"lowerdir={system},upperdir=/run/layer/upper,workdir=/run/layer/work"
        for command in (["mkdir", "-p", PLACE, "/run/layer/upper", "/run/layer/work"],
                        ["mount", "-t", "overlay", "system", PLACE, "-o", layer],
                        ["mount", "--bind", "/proc", f"{PLACE}/proc"], ["mount", "--rbind", "/dev", f"{PLACE}/dev"],
                        ["mount", "-t", "tmpfs", "run", f"{PLACE}/run"],
                        ["mkdir", "-p", f"{PLACE}/run/systemd/system", f"{PLACE}/run/lock"]):
            host.run(command, check=True)
        host.write(f"{PLACE}/usr/local/bin/systemctl", _SYSTEMCTL, 0o755)
