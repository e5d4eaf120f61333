"""A whole system under its own systemd, in namespaces of its own: every unit starts as it does on a host.

What it mounts, and every process of it, ends with its namespaces.
"""
from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from bed.waiting import wait_for

INIT = Path(__file__).with_name("init.py")
APART = ("/usr/bin/setpriv", "--pdeathsig", "KILL", "--",
         "/usr/bin/unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork",
         "--kill-child=SIGKILL", "--propagation", "private", "--")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


def groups() -> Path | None:
    """Where this machine has cgroups of version 2, which systemd needs."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None


def _take_away(group: Path) -> bool:
    """A cgroup and those in it, where no process is in them any more."""
    with contextlib.suppress(OSError):
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)
    return not group.exists()


class Booted:
    """A context. `system` is shared by all; what changes in it is kept below `own`, and is there at the next boot."""

    def __init__(self, system: Path, own: Path, *options: str) -> None:
        self.system = system
        self.own = own
        self.options = options
        self._group = Path()

    def __enter__(self) -> Self:
        place = groups()
        assert place is not None
        for left in place.glob("knockwork-boot-*"):  # by a run that was killed
            if not Path("/proc", left.name.rsplit("-", 1)[1]).exists():
                _take_away(left)
        self._group = place / f"knockwork-boot-{os.getpid()}"
        self._group.mkdir()
        for folder in ("upper", "work"):
            (self.own / folder).mkdir(parents=True, exist_ok=True)
        argv = ["/bin/sh", "-c", f'echo $$ >{self._group}/cgroup.procs && exec "$@"', "sh", *APART, sys.executable,
                "-B", str(INIT), str(self.system), str(self.own), *self.options]
        with open(self.own / "console", "ab") as console:
            self._outside = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        try:
            wait_for(self._is_up, "the system is up", 240)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._outside.send_signal(signal.SIGKILL)  # which takes its child with it, and that everybody
        self._outside.wait()
        wait_for(lambda: _take_away(self._group), "its processes are gone", 60)

    def _init(self) -> str:
        pid = self._outside.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").strip()

    def _is_up(self) -> bool:
        if self._outside.poll() is not None:
            raise RuntimeError(f"it ended: {(self.own / 'console').read_text(errors='replace')[-3000:]}")
        said = self.run("systemctl is-system-running --wait").stdout if self._init() else ""
        return said in ("running\n", "degraded\n")

    def run(self, script: str, timeout: float = 200) -> subprocess.CompletedProcess[str]:
        """A script of bash's inside, to its end."""
        argv = ["/usr/bin/nsenter", "--target", self._init(), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup",
                "--root", "--wd", "/bin/bash", "-c", script]
        return subprocess.run(argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, check=False)

    def output(self, script: str) -> str:
        """What a script that must succeed prints."""
        done = self.run(script)
        assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    def shut_down(self) -> None:
        """In order, as for a reboot: units are stopped."""
        self.run("systemctl poweroff")
        self._outside.wait(200)
