"""Runs on the server: the module `knockwork` and nft, and nothing that judges."""
from __future__ import annotations

import base64
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from declarations import SECRET

_NFT = "/usr/sbin/nft"
_FOLDERS = ("/var/lib/knockwork", "/run/knockwork")


@dataclass(frozen=True)
class Seen:
    """The table as it is listed ("" for none), when (before, after), and the generation of the ruleset."""

    listing: str
    begun: float
    ended: float


@dataclass(frozen=True)
class Said:
    """What a plan or an apply reports: what would be done to what."""

    changed: bool
    changes: tuple[tuple[str, str, str, str, str], ...]


def begin() -> None:
    """The secret that declarations name."""
    path = Path(SECRET)
    path.parent.mkdir(0o700, exist_ok=True)
    path.write_text(f"master:{base64.b64encode(bytes(range(32))).decode()}\n", "utf-8")
    path.chmod(0o600)


def forget() -> None:
    """No table, and nothing on disk that remembers one."""
    subprocess.run([_NFT, "-f", "-"], input="add table inet knockwork\ndelete table inet knockwork\n", text=True,
                   check=True)
    for folder in _FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)


def look() -> Seen:
    """The table."""
    begun = time.monotonic()
    done = subprocess.run([_NFT, "-p", "list", "table", "inet", "knockwork"], capture_output=True, text=True,
                          check=False)
    return Seen(done.stdout, begun, time.monotonic())


def files() -> dict[str, bytes]:
    """What stands on disk; the lock has no content."""
    return {str(path): path.read_bytes() for folder in _FOLDERS for path in sorted(Path(folder).rglob("*"))
            if path.is_file() and path.name != "lock"}


def apply(text: str, check: bool = False, revoke_retired: bool = False) -> Said:
    """As from Python."""
    import knockwork
    report = knockwork.apply(knockwork.load(text), check=check, revoke_retired=revoke_retired, allow_absent=True)
    return _said(report)


def plan(text: str) -> Said:
    """As from Python."""
    import knockwork
    return _said(knockwork.plan(knockwork.load(text), allow_absent=True))


def _said(report: object) -> Said:
    changes = getattr(report, "changes")
    return Said(getattr(report, "changed"), tuple((each.kind, each.object, each.name, each.before, each.after)
                                                  for each in changes))


def load_rendered(text: str) -> None:
    """The table as `knockwork render` has it."""
    import knockwork
    subprocess.run([_NFT, "-f", "-"], input=knockwork.render(knockwork.load(text)), text=True, check=True)
