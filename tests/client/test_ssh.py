"""Plain ssh and what rides on it, through `knockwork connect`, with fd passing and without."""

import subprocess

import pytest

from bed import Bed
from visitor import Visitor

LINES = """\
Host host*
  ProxyCommand knockwork connect %h %p
  ProxyUseFdpass {fdpass}
"""


@pytest.fixture(params=["yes", "no"])
def ssh(request: pytest.FixtureRequest, bed: Bed, gated: Visitor) -> Visitor:
    """A gated host, and a controller whose ssh knocks; ProxyUseFdpass is yes, then no."""
    gated.shut()
    known = bed.controller.read("/root/.ssh/config")
    lines = LINES.format(fdpass=request.param)
    bed.controller.write("/root/.ssh/config", lines + known[known.index("Host *"):], 0o600)
    return gated


def run(visitor: Visitor, *argv: str) -> "subprocess.CompletedProcess[str]":
    """A command on the controller."""
    return visitor.host.run(list(argv))


def test_ssh(ssh: Visitor) -> None:
    """The shut port refuses; ssh gets in, and its exit status comes through."""
    shut = run(ssh, "ssh", "-F", "none", "host1", "true")
    assert (shut.returncode, shut.stderr) == (255, "ssh: connect to host host1 port 22: Connection refused\r\n")
    done = run(ssh, "ssh", "host1", "hostname; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "host1\n", "")
