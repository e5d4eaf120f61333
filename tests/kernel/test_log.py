"""The audit log: every change of the gate is one entry of the journal, and names no port."""

import json
import re
from typing import cast

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.journal import Journal
from bed.secrecy import told
from bed.waiting import wait_for

ONE = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp], open_for: 40s}
"""
TWO = ONE.replace("40s", "50s") + "  - {name: web, knock: [7100/udp, 8100/udp], opens: [443/tcp]}\n"
PORTS = ("7000", "8000", "9000", "7100", "8100", "22/tcp", "443")


@pytest.fixture
def journal(lab: Lab) -> Journal:
    """The server's."""
    return Journal(lab.server)


def _log(knockwork: Knockwork, journal: Journal, *options: str) -> list[dict[str, object]]:
    journal.entries()  # all of them are there
    done = knockwork.run("log", "--json", *options, env=journal.environment)
    assert done.returncode == 0, done.stderr
    entries: list[dict[str, object]] = json.loads(done.stdout)
    return entries


def test_every_change(knockwork: Knockwork, journal: Journal) -> None:
    knockwork.apply(ONE)
    knockwork.apply(TWO)
    knockwork.apply(TWO)
    knockwork.run("grant", "--sequence", "ssh", "--for", "60s", "192.0.2.7")
    knockwork.run("revoke", "--source", "192.0.2.7")
    knockwork.remove()
    log = _log(knockwork, journal)
    assert [entry["command"] for entry in log] == ["apply", "apply", "grant", "revoke", "remove"]
    first, second, grant, revoke, removal = log
    assert "before" not in first and first["after"] == second["before"]
    assert second["after"] == removal["before"] != second["before"] and "after" not in removal
    assert "before" not in grant and "after" not in grant
    assert first["changes"] == ["+ table inet knockwork", "+ sequence ssh"]
    assert second["changes"] == ["~ sequence ssh: open_for 40s → 50s", "+ sequence web"]
    assert grant["changes"] == ["+ grant 192.0.2.7: by ssh for 1m"]
    assert revoke["changes"] == ["- grant 192.0.2.7: by ssh, revoked"]
    assert {entry["who"] for entry in log} == {"root"}


def test_long_lists(knockwork: Knockwork, journal: Journal) -> None:
    """A change of thousands of addresses is logged like any other, cut short."""
    knockwork.apply(ONE)
    knockwork.declare(ONE + f"always_allow: [{', '.join(f'10.{i >> 7}.{2 * (i & 127)}.0/24' for i in range(9000))}]\n")
    done = knockwork.run("apply")
    assert done.returncode == 0 and "journal" not in done.stderr
    changes = cast(list[str], _log(knockwork, journal)[-1]["changes"])
    assert len(changes) == 1
    assert changes[0].startswith("~ setting always_allow: none → 10.0.0.0/24, 10.0.2.0/24, 10.0.4.0/24")
    cut = re.fullmatch(r"(.*)… \((\d+) bytes\)", changes[0])
    assert cut and 490 < len(cut[1].encode()) <= 500 and int(cut[2]) > 100_000


def test_before_is_what_was_there(knockwork: Knockwork, journal: Journal) -> None:
    """The last apply's word for it is taken only where nobody has committed since."""
    knockwork.apply(ONE)
    knockwork.host.nft("add rule inet knockwork input counter\n")
    knockwork.apply(ONE)
    knockwork.host.output(["/usr/bin/rm", "/run/knockwork/stamp"])
    knockwork.apply(TWO)
    applied, repaired, changed = _log(knockwork, journal)
    assert repaired["before"] != applied["after"] == repaired["after"] == changed["before"]


def test_no_port(knockwork: Knockwork, journal: Journal) -> None:
    """Not even where the command shows them."""
    knockwork.apply(ONE, "--reveal", "--diff")
    knockwork.apply(TWO.replace("7000", "7001").replace("22/tcp", "2222/tcp"), "--reveal", "--diff")
    knockwork.remove("--reveal")
    assert len(journal.entries()) == 3
    for entry in journal.entries():
        shown = json.dumps({key: value for key, value in entry.items() if not key.startswith("_")})
        assert not told(shown, *PORTS, "7001", "2222"), shown


def test_who(knockwork: Knockwork, journal: Journal) -> None:
    """sudo's user, from where he sits; and what nobody asked for."""
    knockwork.declare(ONE)
    knockwork.run("apply", env={"SUDO_USER": "daemon", "SSH_CONNECTION": "192.0.2.9 50000 192.0.2.1 22"})
    knockwork.declare(TWO)
    knockwork.run("apply", "--unattended")
    first, second = _log(knockwork, journal)
    assert (first["who"], first["from"]) == ("daemon", "192.0.2.9")
    assert second["who"] == "the system" and "from" not in second
    assert journal.entries()[0]["MESSAGE"] == "apply by daemon from 192.0.2.9: + table inet knockwork, + sequence ssh"


def test_a_rollback(knockwork: Knockwork, journal: Journal) -> None:
    """Nobody confirms: the system takes it back."""
    knockwork.apply(ONE)
    knockwork.apply(TWO, "--confirm-within", "1s")
    wait_for(lambda: len(_log(knockwork, journal)) == 3, "the rollback is logged", 30)
    log = _log(knockwork, journal)
    assert (log[2]["command"], log[2]["who"]) == ("rollback", "the system")
    assert log[2]["after"] == log[0]["after"]


def test_what_is_refused_changes_nothing(knockwork: Knockwork, journal: Journal) -> None:
    knockwork.apply(ONE)
    knockwork.run("apply", "--check")
    knockwork.run("plan")
    knockwork.run("renew", "ssh")
    assert len(journal.entries()) == 1


def test_text(knockwork: Knockwork, journal: Journal) -> None:
    knockwork.apply(ONE)
    knockwork.apply(TWO)
    text = knockwork.run("log", "--count", "1", "--since", "yesterday", env=journal.environment).stdout
    assert text.splitlines()[1:] == ["  ~ sequence ssh: open_for 40s → 50s", "  + sequence web"]
    assert " apply by root: " in text.splitlines()[0] and " → " in text.splitlines()[0]
    assert all(word in journal.asked() for word in ("'_UID=0'", "'--since=yesterday'", "'--lines=1'"))


def test_without_a_journal(knockwork: Knockwork) -> None:
    """Nothing listens: an apply goes on. Nothing to ask: the error says so."""
    knockwork.apply(ONE)
    assert "journalctl cannot be run" in knockwork.refused("log", env={"PATH": "/nowhere"})


def test_nobody_else_writes_a_line(knockwork: Knockwork, journal: Journal) -> None:
    """What an operator may set before he becomes root is no user and no address."""
    knockwork.declare(ONE)
    forged = "203.0.113.66\n2026-11-26\t09:00:00\tremove"
    knockwork.run("apply", env={"SUDO_USER": "root\nmallory", "SSH_CONNECTION": forged})
    entry, = _log(knockwork, journal)
    assert entry["who"] == "root" and "from" not in entry


def test_a_unit_of_a_user_is_no_unit(knockwork: Knockwork, journal: Journal) -> None:
    knockwork.declare(ONE)
    manager = "0::/user.slice/user-1000.slice/user@1000.service/app.slice"
    knockwork.host.write("/run/cgroup", f"{manager}/knockwork-rotate.service\n")
    bound = "mount --bind /run/cgroup /proc/$$/cgroup && exec "
    knockwork.host.run(["unshare", "-m", "sh", "-c", bound + " ".join(knockwork.command("apply"))])
    knockwork.host.write("/run/cgroup", "0::/system.slice/knockwork-rotate.service\n")
    knockwork.declare(TWO)
    knockwork.host.run(["unshare", "-m", "sh", "-c", bound + " ".join(knockwork.command("apply"))])
    assert [entry["who"] for entry in _log(knockwork, journal)] == ["root", "knockwork-rotate.service"]


def test_a_confirmation(knockwork: Knockwork, journal: Journal) -> None:
    knockwork.apply(ONE, "--confirm-within", "60s")
    knockwork.run("confirm")
    assert [entry["command"] for entry in _log(knockwork, journal)] == ["apply", "confirm"]


def test_a_journal_that_takes_nothing(knockwork: Knockwork) -> None:
    """A change without its entry is told."""
    deaf = ("import os, socket, time; os.makedirs('/run/systemd/journal'); s, c = "
            "(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)); c.setblocking(False); "
            "s.bind('/run/systemd/journal/socket')\ntry:\n while True: c.sendto(b'x', s.getsockname())\n"
            "except BlockingIOError: open('/run/deaf', 'w')\ntime.sleep(100)")
    knockwork.host.spawn(["/usr/bin/python3", "-c", deaf])
    wait_for(lambda: knockwork.host.run(["test", "-e", "/run/deaf"]).returncode == 0, "the journal is full")
    knockwork.declare(ONE)
    done = knockwork.run("apply")
    assert done.returncode == 0 and "the journal did not take the entry about this change" in done.stderr
