"""What suites must not leave on the machine that runs them: a gate's files and table, and mounts in our folders.

A gate that the machine has is no leftover: what counts is what was not there before.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from build import ROOT

OF_A_GATE = ("/etc/knockwork", "/var/lib/knockwork", "/run/knockwork", "/usr/local/lib/knockwork",
             "/etc/systemd/system/knockwork.service")


def present() -> set[str]:
    """All of it that is there now."""
    return {path for path in OF_A_GATE if os.path.lexists(path)} | _mounts() | _tables()


def _mounts() -> set[str]:
    ours = (f"{ROOT}/", f"{tempfile.gettempdir()}/")
    mounted = (line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines())
    return {f"a mount on {place}" for place in mounted if place.startswith(ours)}


def _tables() -> set[str]:
    if os.geteuid() != 0 or not shutil.which("nft"):
        return set()
    listed = subprocess.run(["nft", "list", "tables"], check=False, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return {line for line in listed.splitlines() if line.startswith("table inet knockwork")}
