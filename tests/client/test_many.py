"""500 hosts at once."""

import json
import time

from bed import Lab
from bed.cli import Knockwork

COUNT = 500
PROFILE = """\
knockwork: 1
hosts:
  - host: "10.88.*"
    lockout: 1s
    sequences: [{name: ssh, knock: [7000, 8000/tcp, 9000], opens: [22/tcp], step_timeout: 20s}]
"""
# Each knocks on an address of its own, from an address of its own, so that no one opens another's door.
# A pipe keeps what they print apart: they share the offset of a file.
ALL = """
{ for number in $(seq 0 %d); do
  spot=$((number / 250)).$((number %% 250 + 1))
  %s knock 10.88.$spot --source 10.200.$spot --wait-open 22 --json --timeout 60s --delay 20ms &
done; wait; } | cat
"""


def test_five_hundred_hosts_at_once(lab: Lab, server: Knockwork) -> None:
    """All get in, and it takes no longer than it should."""
    server.apply("knockwork: 1\nlockout: 20s\nsequences:\n"
                 "  - {name: ssh, knock: [7000, 8000/tcp, 9000], opens: [22/tcp], step_timeout: 20s}\n")
    lab.server.ip("route add local 10.88.0.0/16 dev lo")
    lab.callers.ip("route add 10.88.0.0/16 via 10.77.0.10")
    lab.callers.write("/root/.config/knockwork/hosts.yml", PROFILE, 0o600)
    program = Knockwork(lab.callers).command()[0]
    began = time.monotonic()
    done = lab.callers.run(["/bin/sh", "-c", ALL % (COUNT - 1, program)], timeout=120)
    assert done.stderr == "" and time.monotonic() - began < 60
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(each["outcome"], each["rounds"]) for each in answers} == {("open", 1)}
    assert len({each["address"] for each in answers}) == COUNT
