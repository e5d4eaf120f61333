"""What the bench says of its rows and of the machine."""
from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from screen import styled
from table import Result

HEAD = f"  {'':<62}{'ours':>9} {'theirs':>9} {'':<7}  ratio"


def line(result: Result, judged: bool = True) -> str:
    """One row of the table."""
    bound, ratio = result.row.bound, result.ratio
    verdict = "" if bound is None or not judged else styled("ok", "good") if result.holds else styled("FAILED", "bad")
    told = f"{bound.sign} {bound.limit:g}" if bound else ""
    return (f"  {result.row.title:<62}{result.ours:9.3f} {result.theirs:9.3f} {result.row.unit:<7}"
            f"{f'{ratio:.2g}' if ratio < 0.1 else f'{ratio:.2f}':>7} {told:<7}{verdict}").rstrip()


def summary(results: Sequence[Result]) -> str:
    """How many bounds hold."""
    bound = [result for result in results if result.row.bound]
    held = sum(result.holds for result in bound)
    return f"bounds: {held} passed, {len(bound) - held} failed"


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    return {"processor": _processor(), "kernel": platform.release().partition("-")[0], "system": _release(),
            "load": " ".join(f"{each:.1f}" for each in os.getloadavg()),
            **{name: _version(package) for name, package in (
                ("nftables", "nftables"), ("knockd", "knockd"), ("fwknop", "fwknop-server"),
                ("ansible-core", "ansible-core"), ("g++", "g++"))}}


def _processor() -> str:
    names = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
             if line.startswith("model name")]
    return f"{os.cpu_count()} × {names[0] if names else platform.machine()}"


def _release() -> str:
    return platform.freedesktop_os_release()["PRETTY_NAME"]


def _version(package: str) -> str:
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def facts(results: Sequence[Result], rounds: int, before: dict[str, str]) -> dict[str, Any]:
    """For --json and results.json."""
    return {"machine": before, "rounds": rounds, "rows": [result.facts() for result in results]}
