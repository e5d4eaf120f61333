"""The systemd units as they are installed, and what their sandboxes allow a command to do."""

import functools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bed.cli import Knockwork, binary
from bed.host import Host

SERVICES = ("knockwork.service", "knockwork-drift.service", "knockwork-rotate.service", "knockwork-metrics.service",
            "knockwork-events.service")
TIMERS = ("knockwork-rotate.timer", "knockwork-metrics.timer")
NOBODY = "65534"
# clone(2): the namespaces that RestrictNamespaces= speaks of.
_NEW = {"CLONE_NEWCGROUP": "cgroup", "CLONE_NEWIPC": "ipc", "CLONE_NEWNET": "net", "CLONE_NEWNS": "mnt",
        "CLONE_NEWPID": "pid", "CLONE_NEWUSER": "user", "CLONE_NEWUTS": "uts"}


def install(prefix: Path) -> Path:
    """Installs them below a prefix; where they are then."""
    subprocess.run(["cmake", "--install", str(binary().parent / "packaging"), "--prefix", str(prefix)], check=True,
                   capture_output=True)
    return prefix / "lib/systemd/system"


@dataclass(frozen=True)
class Unit:
    """A service: its settings, the values of one key in their order."""

    name: str
    settings: dict[str, list[str]]

    def words(self, key: str) -> list[str]:
        """All words of a key's values."""
        return " ".join(self.settings.get(key, [])).split()

    def yes(self, key: str) -> bool:
        return self.words(key) in (["true"], ["yes"])

    def arguments(self, key: str) -> list[str]:
        """What ExecStart and the like give to the command."""
        return self.words(key)[1:]

    @property
    def capabilities(self) -> list[str]:
        return [word.removeprefix("CAP_").lower() for word in self.words("CapabilityBoundingSet")]

    def confined(self, argv: list[str]) -> list[str]:
        """The command with no more than the unit's user, capabilities and umask."""
        some = ",".join(["-all", *(f"+{name}" for name in self.capabilities)])
        ambient = [word.removeprefix("CAP_").lower() for word in self.words("AmbientCapabilities")]
        keep = ",".join(["-all", *(f"+{name}" for name in ambient)])
        user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if self.yes("DynamicUser") else []
        return ["/bin/sh", "-c", f'umask {self.words("UMask")[0]} && exec "$@"', "sh", "/usr/bin/setpriv", *user,
                f"--bounding-set={some}", f"--inh-caps={keep}", f"--ambient-caps={keep}", "--no-new-privs", "--", *argv]

    def allowed(self) -> set[str]:
        """The system calls of its filter."""
        calls: set[str] = set()
        for line in self.settings["SystemCallFilter"]:
            named = set[str]().union(*(_expanded(word) for word in line.lstrip("~").split()))
            calls = calls - named if line.startswith("~") else calls | named
        return calls

    def refused(self, trace: str) -> list[str]:
        """Lines of strace's output that its sandbox would have refused."""
        allowed = self.allowed()
        return [line for line in trace.splitlines()
                if (found := re.match(r"\d+ +(\w+)\((.*)", line)) and not self._takes(allowed, *found.groups())]

    def _takes(self, allowed: set[str], call: str, rest: str) -> bool:
        if call == "socket" and rest.split(",")[0] not in self.words("RestrictAddressFamilies"):
            return False
        if call in ("unshare", "clone", "clone3", "setns"):
            spaces = {_NEW[flag] for flag in re.findall(r"CLONE_NEW[A-Z]+", rest)}
            return call in allowed and spaces <= set(self.words("RestrictNamespaces"))
        if call in ("mmap", "mprotect") and "PROT_EXEC" in rest and ("PROT_WRITE" in rest or call == "mprotect"):
            return not self.yes("MemoryDenyWriteExecute")
        return call in allowed


class Installed(Knockwork):
    """The command where everybody may run it, wherever it was built."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        host.run(["install", "-D", "-m", "0755", self._binary, "/run/bin/knockwork"], check=True)
        self._binary = "/run/bin/knockwork"


@functools.cache
def _expanded(word: str) -> frozenset[str]:
    """The calls of a group, as this machine's systemd has them; a call itself."""
    if not word.startswith("@"):
        return frozenset((word,))
    listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", word], check=True, capture_output=True,
                            text=True).stdout
    within = [line.strip() for line in listed.splitlines()[1:] if line.strip() and "#" not in line]
    return frozenset[str]().union(*(_expanded(each) for each in within))


def read(path: Path) -> Unit:
    """A service from its file."""
    settings: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings.setdefault(key, []).append(value)
    return Unit(path.name, settings)
