"""tests/matrix: a chroot of each release, the tests in it, and a table.

A chroot lives in a folder for temporary files and is gone with the command, however that ends: what is
mounted, is mounted in a namespace of its own. The suites' logs are kept in build/test-logs/RELEASE.
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import process
import suites
from build import BUILD, ROOT
from screen import Line, say, styled

RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13", "sid": "Debian sid"}
SUITES = ("unit", "errors", "golden", "kernel", "model", "cli", "python", "client")
VERSIONS = {"gcc": "g++ -dumpfullversion", "nft": "nft --version", "catch": "dpkg-query -Wf '${Version}' catch2",
            "fmt": "dpkg-query -Wf '${Version}' libfmt-dev", "python": "python3 -V"}

# Given the chroot and a command. The chroot becomes the root of a namespace of mounts:
# a bed's hosts enter theirs, and then the root is what that namespace has.
INSIDE = """\
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
cd "$root"
pivot_root . .
umount -l .
cd /src
exec "$@"
"""
ENVIRONMENT = {"HOME": "/root", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb",
               "DEBIAN_FRONTEND": "noninteractive", "KNOCKWORK_STRICT": "OFF"}


@dataclass
class Row:
    release: str
    versions: dict[str, str] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)  # by suite: "211 passed", or why there is none
    reasons: list[str] = field(default_factory=list)     # of what was skipped or failed


class Unreachable(Exception):
    """No chroot can be made; the text says why."""


def output(*argv: str) -> str:
    return subprocess.run(argv, check=True, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


def archive() -> str:
    """Where this machine gets Debian from. Raises Unreachable."""
    found = output("apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)",
                   "Created-By: Packages")
    for line in found.splitlines():
        origin, label, component, uri = line.split("|")
        if (origin, label, component) == ("Debian", "Debian", "main"):
            return uri
    raise Unreachable("apt has no list of Debian's packages: run `apt-get update`")


def apt_options() -> list[str]:
    """What this machine's apt needs to reach it."""
    wanted = re.compile(r'Acquire::(?:https?::(?:.*::)?Proxy|Check-(?:Valid-Until|Date)) "')
    return [f"--aptopt={line.rstrip(';')}" for line in output("apt-config", "dump").splitlines()
            if wanted.match(line)]


class Chroot:
    """One release with the project's files in /src."""

    def __init__(self, release: str, folder: Path, until: float) -> None:
        self.root = folder / release
        self.log = folder / f"{release}.log"
        self._until = until
        argv = ["mmdebstrap", "--mode=root", "--variant=apt", "--include=mount", "--quiet", *apt_options(), release,
                str(self.root), f"deb {archive()} {release} main"]
        if self._finish(argv, dict(os.environ)):
            raise Unreachable(" ".join(self.log.read_text(errors="replace").split()[-20:]) or "mmdebstrap failed")
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(f"/etc/{name}", self.root / "etc" / name)
        self._copy_tree()

    def _copy_tree(self) -> None:
        source = self.root / "src"
        source.mkdir()
        names = ["."]
        exclude = ["--exclude=./build", "--exclude=./.git"]
        if (ROOT / ".git").exists():
            listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                                     "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
            names = [name for name in listed.decode().split("\0") if name and (ROOT / name).exists()]
            exclude = []
        packed = subprocess.run(["tar", "-c", "--null", "-T", "-", *exclude], cwd=ROOT, check=True,
                                input="\0".join(names).encode(), stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "--no-same-owner", "-C", source], check=True, input=packed)

    def _finish(self, argv: list[str], env: dict[str, str]) -> int:
        with open(self.log, "wb") as out:
            return process.finish(process.start(argv, out, env=env, cwd=ROOT), self._until - time.monotonic())

    def run(self, *argv: str) -> tuple[int, str]:
        """Exit status, 124 where time ran out, and what was printed."""
        if time.monotonic() >= self._until:
            return 124, ""
        status = self._finish(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
                               "sh", "-c", INSIDE, "sh", str(self.root), *argv], ENVIRONMENT)
        return status, self.log.read_text(errors="replace")


def keep_log(chroot: Chroot, row: Row, suite: str) -> None:
    log = chroot.root / "src/build/test-logs" / f"{suite}.log"
    if log.exists():
        kept = BUILD / "test-logs" / row.release
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, kept / log.name)


def versions(chroot: Chroot) -> dict[str, str]:
    found = {}
    for name, command in VERSIONS.items():
        status, text = chroot.run("sh", "-c", command)
        number = re.search(r"\d+(\.\d+)+", text)
        found[name] = number[0] if number and not status else "-"
    return found


def test(chroot: Chroot, row: Row, suite: str) -> None:
    with Line(f"  {suite}", RELEASES[row.release]) as line:
        status, text = chroot.run("tests/run", suite)
        keep_log(chroot, row, suite)
        counted = re.search(rf"^  {suite} +((?:\d+ (?:passed|failed|skipped)(?:, )?)+)", text, re.M)
        cell = counted[1] if counted else "failed"
        if status == 124:
            cell = "not run: out of time"
        elif status and "failed" not in cell:
            cell = "failed"
        line.result = row.cells[suite] = cell
        for name, why in re.findall(r"^ +skipped (\S+): (.*)$", text, re.M):
            row.reasons.append(f"{RELEASES[row.release]}, {suite}: {name.split('::')[-1]} skipped: {why}")
        if "failed" in cell:
            line.style = "bad"
            line.notes = text.splitlines()[-60:]
            failed = re.findall(rf"^FAILED {suite}: (.*)$", text, re.M)
            row.reasons += [f"{RELEASES[row.release]}, {suite}: {name} failed" for name in failed]


def try_release(release: str, chosen: list[str], until: float, folder: Path) -> Row:
    row = Row(release)
    with Line(release, "creating the chroot") as line:
        try:
            chroot = Chroot(release, folder, until)
            line.result = "made"
        except Unreachable as error:
            line.result, line.style = f"skipped: {error}", "note"
            row.cells = {suite: "skipped: no chroot" for suite in chosen}
            row.reasons = [f"{RELEASES[release]}: {error}"]
            return row
    for suite in chosen:
        test(chroot, row, suite)
    row.versions = versions(chroot)
    return row


def table(rows: list[Row], chosen: list[str]) -> str:
    """As Markdown."""
    lines = [["release", *VERSIONS, *chosen]]
    lines += [[RELEASES[row.release], *(row.versions.get(name, "") for name in VERSIONS),
               *(row.cells.get(suite, "") for suite in chosen)] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    text = "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
                     for line in lines)
    reasons = [f"- {reason}" for row in rows for reason in row.reasons]
    return "\n".join([text, "", *reasons] if reasons else [text])


def count(rows: list[Row], word: str) -> int:
    numbers = (re.search(rf"(\d+) {word}", cell) for row in rows for cell in row.cells.values())
    return sum(int(number[1]) for number in numbers if number)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/matrix", description="Creates a chroot of each release, builds and tests there, prints a table.",
        epilog=f"releases: {', '.join(RELEASES)}; suites: {', '.join(suites.BY_NAME)}")
    parser.add_argument("release", nargs="*", help="default: all of them")
    parser.add_argument("--suite", action="append", metavar="NAME", help=f"default: {', '.join(SUITES)}")
    parser.add_argument("--within", type=float, default=600, metavar="MINUTES",
                        help="skip what has not run by then")
    parser.add_argument("--where-possible", action="store_true",
                        help="do not fail if the packages of a release cannot be fetched")
    options = parser.parse_args()
    options.release = options.release or list(RELEASES)
    options.suite = options.suite or list(SUITES)
    for kind, names, known in (("release", options.release, list(RELEASES)),
                               ("suite", options.suite, list(suites.BY_NAME))):
        unknown = [name for name in names if name not in known]
        if unknown:
            parser.error(f"no {kind} is named {', '.join(unknown)}; there are: {', '.join(known)}")
    return options


def main() -> int:
    process.end_all_on_signals()
    options = arguments()
    until = time.monotonic() + 60 * options.within
    rows: list[Row] = []
    for release in options.release:
        with tempfile.TemporaryDirectory(prefix="knockwork-matrix-") as folder:
            os.chmod(folder, 0o755)  # tests that drop privileges have to reach what is in it
            rows.append(try_release(release, options.suite, until, Path(folder)))
    say()
    say(table(rows, options.suite))
    say()
    failed = count(rows, "failed") + sum(cell == "failed" for row in rows for cell in row.cells.values())
    say(styled(f"matrix: {count(rows, 'passed')} passed, {failed} failed, {count(rows, 'skipped')} skipped",
               "bad" if failed else "good"))
    unmade = any(cell == "skipped: no chroot" for row in rows for cell in row.cells.values())
    return 1 if failed or (unmade and not options.where_possible) else 0


if __name__ == "__main__":
    sys.exit(main())
