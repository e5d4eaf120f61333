"""The command `knockwork` on a host, as its user runs it."""

import os
import subprocess
from pathlib import Path

from bed.host import CommandFailed, Host
from bed.table import Table, parse

ROOT = Path(__file__).resolve().parents[2]
DECLARATION = "/etc/knockwork/knockwork.yml"
# Before a command: its output is a terminal. script(1) is not on every release.
ON_TERMINAL = ("/usr/bin/python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) != 0)")
CLASSIC = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [47000/udp, 48000/udp, 49000/udp]
    opens: [4022/tcp]
"""


def binary() -> Path:
    """The command under test: $KNOCKWORK_CLI, or the one in $KNOCKWORK_BUILD, by default build/release."""
    build = Path(os.environ.get("KNOCKWORK_BUILD", ROOT / "build" / "release"))
    return Path(os.environ.get("KNOCKWORK_CLI", build / "knockwork")).resolve()


class Knockwork:
    """Runs on one host. What is declared is in that host's /etc/knockwork/knockwork.yml."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._binary = str(binary())

    def command(self, *arguments: str) -> list[str]:
        """The argument list, for Host.popen()."""
        return [self._binary, *arguments]

    def run(self, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
        """Run it to its end, whatever that is."""
        return self.host.run(self.command(*arguments), **options)  # type: ignore[arg-type]

    def declare(self, text: str) -> None:
        """Write the declaration."""
        self.host.write(DECLARATION, text, 0o600)

    def apply(self, text: str | None = None, *options: str) -> str:
        """Declare `text` if given, and apply; what was printed. Raises CommandFailed."""
        if text is not None:
            self.declare(text)
        return self._succeed("apply", *options)

    def remove(self, *options: str) -> str:
        """Remove the table; what was printed. Raises CommandFailed."""
        return self._succeed("remove", *options)

    def _succeed(self, *arguments: str) -> str:
        done = self.run(*arguments)
        if done.returncode != 0:
            raise CommandFailed(f"knockwork {' '.join(arguments)}: exit {done.returncode}\n"
                                f"{done.stdout}{done.stderr}")
        return done.stdout

    def differs(self) -> bool:
        """Whether a plan finds something to do. Raises CommandFailed where there is no plan."""
        done = self.run("plan", "--detailed-exitcode")
        if done.returncode not in (0, 2):
            raise CommandFailed(f"knockwork plan: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.returncode == 2

    def refused(self, *arguments: str, **options: object) -> str:
        """The error of a run that must fail with status 1 and print nothing else.

        Raises CommandFailed where it does anything else.
        """
        done = self.run(*arguments, **options)
        if done.returncode != 1 or done.stdout or not done.stderr:
            raise CommandFailed(f"knockwork {' '.join(arguments)}: exit {done.returncode}, expected an "
                                f"error\n{done.stdout}{done.stderr}")
        return done.stderr

    def table(self) -> Table:
        """The live table, with handles."""
        return parse(self.listing())

    def listing(self) -> str:
        """The live table as nft lists it. Raises CommandFailed where there is none."""
        return self.host.output(["/usr/sbin/nft", "-p", "-a", "list", "table", "inet", "knockwork"])
