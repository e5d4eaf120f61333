"""Systems of Debian's releases, as archives: mmdebstrap makes them.

What it mounts is in a namespace of its own, and gone with it however it ends.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bed.host import CommandFailed

MINUTES = 12  # of which a quiet machine needs one
APART = ("/usr/bin/unshare", "--mount", "--propagation", "private", "--",
         "/usr/bin/setpriv", "--pdeathsig", "TERM", "--")
UNREACHABLE = re.compile(r"Could not (?:resolve|connect)|Temporary failure|Unable to connect|Failed to fetch|timed out")


class Unreachable(Exception):
    """The archive of a release cannot be had."""


def make(release: str, packages: Sequence[str], archive: Path, hooks: Sequence[str] = ()) -> str:
    """A system of `release` with these packages, and what `hooks` did to it (mmdebstrap's --customize-hook).

    Returns what was printed. Raises Unreachable, CommandFailed.
    """
    argv = [*APART, "mmdebstrap", "--variant=minbase", *([f"--include={','.join(packages)}"] if packages else []),
            '--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Get::Assume-Yes "true"',
            '--aptopt=APT::Install-Recommends "false"', *(f"--customize-hook={hook}" for hook in hooks),
            release, str(archive)]
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60 * MINUTES)
    if done.returncode == 0:
        return done.stdout
    lost = UNREACHABLE.search(done.stdout)
    if lost:
        line = next(line for line in done.stdout.splitlines() if lost.group() in line)
        raise Unreachable(f"Debian's archive of {release}: {line.strip()}")
    if not hooks:  # nothing of ours was in it
        raise Unreachable(f"mmdebstrap cannot make {release} here: {done.stdout.strip().splitlines()[-1:]}")
    raise CommandFailed(f"mmdebstrap {release}:\n{done.stdout[-6000:]}")
