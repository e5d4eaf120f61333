"""Plain ssh and what rides on it, through `knockwork connect`, with fd passing and without."""

import hashlib
import re
import subprocess

import pytest

from bed import Bed
from bed.waiting import wait_for
from visitor import Visitor

LOG = "/run/sshd.log"  # of sshd
LINES = """\
Host host*
  ProxyCommand knockwork connect %h %p
  ProxyUseFdpass {fdpass}

"""
SHUT = "ssh: connect to host host1 port 22: Connection refused\r\n"


@pytest.fixture(params=["yes", "no"])
def ssh(request: pytest.FixtureRequest, bed: Bed, gated: Visitor) -> Visitor:
    """A gated host, and a controller whose ssh knocks; ProxyUseFdpass is yes, then no."""
    gated.shut()
    known = bed.controller.read("/root/.ssh/config")
    lines = LINES.format(fdpass=request.param)
    bed.controller.write("/root/.ssh/config", lines + known[known.index("Host *\n"):], 0o600)
    gated.gate.host.run(["/bin/rm", "-rf", "/run/there"], check=True)
    gated.gate.host.run(["/bin/mkdir", "/run/there"], check=True)
    return gated


def run(visitor: Visitor, *argv: str, input: str = "") -> "subprocess.CompletedProcess[str]":
    """A command on the controller that must succeed and complain of nothing."""
    done = visitor.host.run(list(argv), input=input)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done


def content(visitor: Visitor) -> str:
    """A file of 3 MB on the controller, which no buffer holds; its digest."""
    data = hashlib.sha256(b"knock").hexdigest() * 48_000
    visitor.host.write("/run/big", data)
    return hashlib.sha256(data.encode()).hexdigest()


def digest(visitor: Visitor, path: str) -> str:
    """Of a file on the gated host."""
    return visitor.gate.host.output(["/usr/bin/sha256sum", path]).split()[0]


def test_ssh(ssh: Visitor) -> None:
    """The shut port refuses; ssh gets in, and its exit status comes through."""
    shut = ssh.host.run(["ssh", "-F", "none", "host1", "true"])
    assert (shut.returncode, shut.stderr) == (255, SHUT)
    done = ssh.host.run(["ssh", "host1", "hostname; exit 7"])
    assert (done.returncode, done.stdout, done.stderr) == (7, "host1\n", "")


def test_both_ways_at_once(ssh: Visitor) -> None:
    """3 MB there and back while they come, and the end of the input reaches the other side."""
    content(ssh)
    assert run(ssh, "/bin/sh", "-c", "ssh host1 cat < /run/big | cmp - /run/big").stdout == ""


def test_scp(ssh: Visitor) -> None:
    """There and back again."""
    expected = content(ssh)
    run(ssh, "scp", "-q", "/run/big", "host1:/run/there/big")
    assert digest(ssh, "/run/there/big") == expected
    run(ssh, "scp", "-q", "host1:/run/there/big", "/run/back")
    assert run(ssh, "cmp", "/run/big", "/run/back").stdout == ""


def test_sftp(ssh: Visitor) -> None:
    """A batch."""
    expected = content(ssh)
    run(ssh, "sftp", "-q", "-b", "-", "host1", input="put /run/big /run/there/put\n")
    assert digest(ssh, "/run/there/put") == expected


def test_rsync(ssh: Visitor) -> None:
    """It starts ssh by itself."""
    expected = content(ssh)
    run(ssh, "rsync", "--checksum", "/run/big", "host1:/run/there/synced")
    assert digest(ssh, "/run/there/synced") == expected


def test_git(ssh: Visitor) -> None:
    """git ls-remote, over ssh."""
    commit = ssh.gate.host.output(["/bin/sh", "-ec", (
        "cd /run/there; git init -q -b main repository; cd repository; git config user.email a@b.example;"
        " git config user.name a; git commit -q --allow-empty -m first; git rev-parse HEAD")]).strip()
    listed = run(ssh, "git", "ls-remote", "host1:/run/there/repository", "main").stdout
    assert listed == f"{commit}\trefs/heads/main\n"


def test_a_shut_door_is_one_clear_error(ssh: Visitor) -> None:
    """ssh's user sees why, before ssh's own last words."""
    ssh.profile("knockwork: 1\nhosts: [{host: host2, sequences: []}]\n")
    done = ssh.host.run(["ssh", "host1", "true"])
    assert done.returncode == 255
    assert done.stderr.splitlines()[0] == (
        "knockwork: error: the profile /root/.config/knockwork/hosts.yml has no host host1: add an entry `- host: "
        "host1`")
    assert len(done.stderr.splitlines()) <= 3


def test_the_way_it_knocks(ssh: Visitor) -> None:
    """A profile's pattern and address; the connection goes where the knocks went."""
    entry = ssh.gate.host.output(ssh.gate.command("export", "--host", "web*", "--address", "host1"))
    ssh.profile(entry)
    known = ssh.host.read("/root/.ssh/config")
    ssh.host.write("/root/.ssh/config", known.replace("Host host*", "Host web*\n  HostKeyAlias host1", 1), 0o600)
    assert run(ssh, "ssh", "web7", "hostname").stdout == "host1\n"


def test_sshd_hears_nothing_of_a_proof(bed: Bed, gated: Visitor) -> None:
    """Six proofs leave no line in its log; a connection that is closed at once does."""
    gated.shut()
    host = gated.gate.host
    before = len(host.read(LOG))
    for words in ("knock host1", "knock host1 --wait-open 22") * 3:
        assert gated.run(*words.split()).returncode == 0
    bed.controller.run(["/bin/bash", "-c", "exec 3<>/dev/tcp/host1/22"], check=True)
    wait_for(lambda: "Connection closed by" in host.read(LOG)[before:], "sshd has logged the connection")
    assert len(re.findall("Connection (?:closed|reset) by .* port", host.read(LOG)[before:])) == 1, host.read(LOG)
