"""The programs that are measured, and those that measure."""
from __future__ import annotations

import subprocess
from pathlib import Path

import build

ROOT = build.ROOT
OUT = build.BUILD / "bench"
KNOCKWORK = build.BUILD / "release/knockwork"
FIRST = ["/usr/bin/chrt", "--rr", "1"]  # before a command: it gets a processor before all at the usual priority
DECLARATION = "/etc/knockwork/knockwork.yml"
_CORE = [f"-I{ROOT / 'cpp/include'}", str(build.BUILD / "release/cpp/libknockwork_core.a"), "-lnettle"]


def made(name: str) -> str:
    """A program of this folder, built: its path."""
    OUT.mkdir(parents=True, exist_ok=True)
    source, program = ROOT / f"tests/bench/{name}.cpp", OUT / name
    with build.lock("bench"):
        include, *libraries = _CORE if name == "derive" else [f"-I{ROOT}"]
        new = program.with_suffix(".new")  # another run may be using the old one
        subprocess.run(["g++", "-std=c++20", "-O2", include, "-o", new, source, *libraries], check=True)
        new.replace(program)
    return str(program)


def rendered(declaration: str, knockwork: Path = KNOCKWORK) -> str:
    """Its table, for nft -f."""
    return subprocess.run([knockwork, "render", "-"], input=declaration, text=True, check=True,
                          stdout=subprocess.PIPE).stdout
