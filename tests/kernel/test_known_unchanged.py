"""An apply of what is applied already does not read the declaration; after any change it does, and is right."""

import pytest

from bed import Lab
from bed.cli import Knockwork

# Whoever parses it asks for the port of ssh.
DECLARATION = """\
knockwork: 1
sequences:
  - {name: admin, knock: [7000/udp, 8000/udp, 9000/udp], opens: [ssh/tcp]}
"""
OTHER = DECLARATION.replace("9000", "9001")
# A copy of a program with the build id of another (elf(5): the header of a note, its name, 20 bytes).
OTHER_BUILD = """
import pathlib, re, sys
theirs, ours = map(pathlib.Path, sys.argv[1:])
note = rb"\\x04\\0\\0\\0\\x14\\0\\0\\0\\x03\\0\\0\\0GNU\\0"
ours.write_bytes(re.sub(rb"(%b).{20}" % note, rb"\\1" + 20 * b"x", theirs.read_bytes(), flags=re.S))
ours.chmod(0o755)
"""


def _parsed(knockwork: Knockwork, *options: str, program: str = "") -> bool:
    """Whether an apply, which has to find nothing to do, parsed the declaration."""
    command = knockwork.command("apply", "/etc/knockwork/knockwork.yml", *options)
    done = knockwork.host.run(["strace", "-f", "-e", "trace=openat", "-o", "/run/traced",
                               *([program, *command[1:]] if program else command)],
                              env={"ASAN_OPTIONS": "detect_leaks=0"})  # a traced process cannot look for them
    assert done.returncode == 0 and done.stdout.startswith("Unchanged"), done.stdout + done.stderr
    return "/etc/services" in knockwork.host.read("/run/traced")


@pytest.fixture
def applied(knockwork: Knockwork) -> Knockwork:
    """Twice: the second is known to change nothing."""
    knockwork.apply(DECLARATION)
    assert not _parsed(knockwork)
    return knockwork


DISTURBANCES = {
    "a space": "echo >> /etc/knockwork/knockwork.yml",
    "a drop-in": "mkdir -p /etc/knockwork/conf.d; echo '[]' > /etc/knockwork/conf.d/a.yml; "
                 "chmod 600 /etc/knockwork/conf.d/a.yml",
    "another program's transaction": "nft add table inet other",
    "no notes": "rm -r /run/knockwork",
    "a damaged note": "echo x > /run/knockwork/bytes",
    "the last good gate is lost": "rm /var/lib/knockwork/last_good",
    "an apply in doubt": "touch /run/knockwork/in_doubt",
}


@pytest.mark.parametrize("what", DISTURBANCES)
def test_read_again(applied: Knockwork, what: str) -> None:
    """Once; then it is known again."""
    applied.host.run(["sh", "-ec", DISTURBANCES[what]], check=True)
    assert _parsed(applied)
    assert not _parsed(applied)


def test_repaired(applied: Knockwork) -> None:
    """What somebody did to the table is seen, also by a build that knows it unchanged."""
    applied.host.nft("delete table inet knockwork")
    assert "Changed" in applied.apply()
    assert not _parsed(applied)


def test_back_and_forth(applied: Knockwork) -> None:
    """The same bytes as at an earlier apply are not those of the last one."""
    assert "Changed" in applied.apply(OTHER)
    assert "Changed" in applied.apply(DECLARATION)
    assert not _parsed(applied)


def test_another_build(applied: Knockwork, lab: Lab) -> None:
    """An upgrade may compile to another table, whatever its version says."""
    lab.server.run(["/usr/bin/python3", "-c", OTHER_BUILD, applied.command()[0], "/run/other"], check=True)
    assert _parsed(applied, program="/run/other")
    assert not _parsed(applied, program="/run/other")
    assert _parsed(applied)


def test_what_moves(knockwork: Knockwork) -> None:
    """Interfaces come and go: they are compared as well. A warning is told each time."""
    knockwork.apply(DECLARATION + "interfaces: [eth0]\n")
    assert not _parsed(knockwork)
    knockwork.host.ip("link add other0 type veth peer name other1")
    assert _parsed(knockwork)
    assert not _parsed(knockwork)
    knockwork.apply(DECLARATION + "interfaces: [eth0, eth7]\n")
    for _ in range(2):
        done = knockwork.run("apply")
        assert "eth7" in done.stderr and done.returncode == 0


def test_check_removes_nothing(applied: Knockwork) -> None:
    """What a killed command left half written goes with an apply, not with a check."""
    left = "/var/lib/knockwork/.knockwork.0123456789abcdef"
    applied.host.write(left, "half")
    assert not _parsed(applied, "--check")
    assert applied.host.read(left) == "half"
    assert not _parsed(applied)
    assert applied.host.run(["test", "-e", left]).returncode == 1
