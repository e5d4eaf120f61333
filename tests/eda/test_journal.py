"""The event source on the journal of a real journald."""
from __future__ import annotations

import select
from collections.abc import Iterator

import pytest

from bed import Host, Lab
from bed.cli import Knockwork
from bed.waiting import wait_for
from test_gate import GATE, NOBODY, Running, listens, running

# Hands one entry to journald, in its own protocol.
_SEND = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
    journal.connect("/run/systemd/journal/socket")
    journal.send("".join(line + "\\n" for line in sys.argv[1:]).encode())
"""


def start_journald(host: Host) -> None:
    """A journald of the host's own, without systemd."""
    host.run(["/bin/mount", "-t", "cgroup2", "-o", "ro", "cgroup2", "/sys/fs/cgroup"], check=True)
    host.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    host.write("/etc/systemd/journald.conf", "[Journal]\nReadKMsg=no\nAudit=no\nStorage=volatile\n")
    host.run(["/bin/mkdir", "-p", "/run/systemd/journal"], check=True)
    host.spawn(["/lib/systemd/systemd-journald"])
    wait_for(lambda: not host.run(_entry("ready")).returncode, "journald listens")


@pytest.fixture
def host() -> Iterator[Host]:
    """With a journal."""
    host = Host("journalled")
    try:
        start_journald(host)
        yield host
    finally:
        host.close()


def _entry(sequence: str, identifier: str = "knockwork") -> list[str]:
    return ["/usr/bin/python3", "-c", _SEND, f"MESSAGE=granted by {sequence}", f"SYSLOG_IDENTIFIER={identifier}",
            "KNOCKWORK_EVENT=grant", "SOURCE=192.0.2.7", f"SEQUENCE={sequence}"]


def sequences(source: Running, count: int) -> list[str]:
    """Those of the next events but for the first ones, by which follow() finds out that it is heard."""
    found: list[str] = []
    while len(found) < count:
        event = source.event()
        if event.get("sequence") != "heard":
            found.append(event.get("sequence", event["event"]))
    return found


def follow(source: Running) -> None:
    """Returns when entries are heard."""
    while not select.select([source.process.stdout], [], [], 0.05)[0]:
        source.host.run(_entry("heard"), check=True)


def test_journal(host: Host) -> None:
    """What root wrote as knockwork since the start; after a crash it continues, and an entry of the gap is not lost."""
    host.run(_entry("before"), check=True)
    with running(host, waits=False, from_="journal") as source:
        follow(source)
        host.run([*NOBODY, *_entry("forged")], check=True)
        host.run(_entry("other", "sshd"), check=True)
        host.run(_entry("ssh"), check=True)
        assert sequences(source, 1) == ["ssh"]
        host.run(["/usr/bin/pkill", "-KILL", "journalctl"], check=True)
        host.run(_entry("vpn"), check=True)
        assert sequences(source, 1) == ["vpn"]
    assert host.run(["/usr/bin/pgrep", "journalctl"]).returncode == 1


def test_what_watch_writes(lab: Lab, knockwork: Knockwork) -> None:
    """Real knocks, through `watch --journal` and a real journal; entries about changes of the gate are no events."""
    start_journald(lab.server)
    knockwork.apply(GATE)
    with running(lab.server, waits=False, from_="journal") as source:
        follow(source)
        with lab.server.popen(knockwork.command("watch", "--journal")) as watch:
            wait_for(lambda: listens(lab.server), "watch listens")
            lab.client.knock(7000, 8000, 9000)
            assert sequences(source, 1) == ["ssh"]
            knockwork.run("revoke", "--all")
            assert source.event() == {"event": "revoked", "source": lab.client.source, "sequence": "ssh"}
            lab.stranger6.knock(7001)
            assert source.event() == {"event": "wrong", "source": lab.stranger6.source}
            watch.terminate()
