"""Whoever knocks: the command on a host of the bed, and its profile."""

import subprocess

from bed.cli import Knockwork
from bed.host import Host

PROFILE = "/root/.config/knockwork/hosts.yml"
DECLARATION = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [47011/udp, 48123/tcp, 49377/udp]
    opens: [22/tcp]
    step_timeout: 2s
"""


class Visitor:
    """The command on `host`, which knocks on the one that `gate` runs on."""

    def __init__(self, host: Host, gate: Knockwork, name: str) -> None:
        self.host = host
        self.gate = gate
        self.name = name
        self.command = Knockwork(host).command

    def shut(self, declaration: str = DECLARATION) -> None:
        """Close the gate, and give the visitor the profile that the gate's host exports."""
        self.gate.apply(declaration)
        self.profile(self.gate.host.output(self.gate.command("export", "--host", self.name)))

    def profile(self, text: str, mode: int = 0o600) -> None:
        """Write the profile."""
        self.host.write(PROFILE, text, mode)

    def run(self, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
        """Run the command to its end, whatever that is."""
        return self.host.run(self.command(*arguments), **options)  # type: ignore[arg-type]
