"""What the kernel reports: who came in by which sequence, wrong knocks, and never a port."""

import json
import signal
import subprocess

import pytest

from bed import Caller, Lab, tokens
from bed.cli import Knockwork
from bed.journal import Journal
from bed.secrecy import told

DECLARATION = """\
knockwork: 1
log: LOG
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}
  - {name: vpn, knock: [7100/udp, 8100/udp], opens: [51820-51822/udp], once: true}
"""


class Watcher:
    """`knockwork watch` beside a test; it listens when made."""

    def __init__(self, knockwork: Knockwork, *options: str) -> None:
        self._process = knockwork.host.popen(knockwork.command("watch", *options), stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE)
        listening = "grep -q . /proc/net/netfilter/nfnetlink_log"
        knockwork.host.run(["sh", "-c", f"until {listening}; do sleep 0.01; done"], timeout=20, check=True)

    def lines(self) -> list[str]:
        """All that was said, at its end."""
        out, err = self._process.communicate(timeout=20)
        assert self._process.returncode == 0, err
        return out.splitlines()

    def warning(self) -> str:
        """The next line that it warns with."""
        assert self._process.stderr
        return str(self._process.stderr.readline())

    def stop(self) -> tuple[str, str]:
        """Interrupt it; what it had said."""
        self._process.send_signal(signal.SIGTERM)
        out, err = self._process.communicate(timeout=20)
        return out, err


def _clumsy(lab: Lab, client: Caller) -> Caller:
    """Of the client's family, and of another /64: lockouts count by it."""
    return lab.caller("fd99:0:0:5::1" if ":" in client.source else "10.200.5.1")


def test_grants(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A line for each who comes in; wrong knocks are no business of `log: grants`."""
    knockwork.apply(DECLARATION.replace("LOG", "grants"))
    watcher = Watcher(knockwork, "--count", "3", "--json")
    _clumsy(lab, client).knock(7001, 9000)
    client.knock(7000, 8000, 9000)
    client.knock(7100, 8100)
    lab.caller("10.200.1.1").knock(7000, 8000, 9000)
    events = [json.loads(line) for line in watcher.lines()]
    assert [(event["event"], event["source"], event["sequence"]) for event in events] == [
        ("grant", client.source, "ssh"), ("grant", client.source, "vpn"), ("grant", "10.200.1.1", "ssh")]
    assert all(event["time"].endswith("Z") for event in events)


@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_all(lab: Lab, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """Guards, knocks out of turn, strays; as text, without a port."""
    knockwork.apply(f"mode: {mode}\n" + DECLARATION.replace("LOG", "all"))
    watcher = Watcher(knockwork, "--count", "3")
    stranger = _clumsy(lab, client)
    stranger.knock(9000)
    stranger.knock(7001 if mode == "gate" else 12345)
    client.knock(7000, 8000, 9000)
    lines = watcher.lines()
    assert [line.split("  ", 1)[1].split() for line in lines] == [
        [stranger.source, "wrong", "knock"], [stranger.source, "wrong", "knock"],
        [client.source, "granted", "by", "ssh"]]
    text = " ".join(line.split("  ", 1)[1] for line in lines)
    assert not told(text, "7000", "7001", "8000", "9000", "22/tcp", "12345")


def test_a_flood_is_thinned_out(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Thousands of wrong knocks are some dozens of events, and a grant among them is told."""
    knockwork.apply(DECLARATION.replace("LOG", "all"))
    watcher = Watcher(knockwork)
    lab.caller("10.200.2.2").sweep([7001] * 20000)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    out, _ = watcher.stop()
    assert 1 <= out.count("wrong knock") < 2000
    assert f"{client.source}" in out


def test_ends(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A grant expires once, by its latest knock; one that is revoked ends then."""
    knockwork.apply(DECLARATION.replace("LOG", "grants").replace("opens: [22/tcp]", "opens: [22/tcp], open_for: 2s"))
    lab.caller("10.200.3.3").knock(7000, 8000, 9000)  # before anyone watches
    watcher = Watcher(knockwork, "--count", "6", "--json")
    client.knock(7000, 8000, 9000)
    client.knock(7000, 8000, 9000, gap=0.1)
    lab.caller("10.200.4.4").knock(7100, 8100)
    knockwork.run("revoke", "--sequence", "vpn")
    events = [json.loads(line) for line in watcher.lines()]
    assert sorted((event["event"], event["source"], event["sequence"]) for event in events) == sorted([
        ("grant", client.source, "ssh"), ("grant", client.source, "ssh"), ("grant", "10.200.4.4", "vpn"),
        ("expired", client.source, "ssh"), ("expired", "10.200.3.3", "ssh"), ("revoked", "10.200.4.4", "vpn")])


def test_a_revocation_among_many_events(lab: Lab, knockwork: Knockwork) -> None:
    """Events that keep coming do not hide that a grant was revoked."""
    knockwork.apply(DECLARATION.replace("LOG", "all"))
    watcher = Watcher(knockwork, "--json")
    lab.client.knock(7000, 8000, 9000)
    stranger = lab.caller("10.200.5.1")
    stranger.knock(7001)
    knockwork.run("revoke", "--sequence", "ssh")
    for _ in range(12):
        stranger.knock(7001)
        lab.server.run(["sleep", "0.25"])
    told = [json.loads(line)["event"] for line in watcher.stop()[0].splitlines()]
    assert told[0] == "grant" and told.count("revoked") == 1
    assert told.index("revoked") < len(told) - 1, "only when no more events came"


ENDED = """\
knockwork: 1
log: grants
wrong_knock: ignore
sequences:
  - {name: short, knock: [7000/udp, 7500/udp], opens: [22/tcp], open_for: 1s}
  - {name: long, knock: [7100/udp, 7600/udp], opens: [22/tcp], open_for: 1h}
  - {name: one, knock: [7200/udp, 7700/udp], opens: [80/tcp], open_for: 1h, connections: 1}
  - {name: shut, knock: [7300/udp, 7800/udp], opens: [51820/udp], open_for: 1h}
  - {name: end, knock: [7400/udp, 7900/udp], closes: shut}
"""


def test_grants_that_packets_end(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """By a shorter grant, the last connection, or a sequence that closes: they have expired, and soon it is told."""
    knockwork.apply(ENDED)
    watcher = Watcher(knockwork, "--count", "8", "--json")
    client.knock(7100, 7600)
    client.knock(7000, 7500)
    client.knock(7200, 7700)
    assert client.tcp(80) == "open"
    client.knock(7300, 7800)
    client.knock(7400, 7900)
    events = [json.loads(line) for line in watcher.lines()]
    assert [(event["event"], event["sequence"]) for event in events[:4]] == [
        ("grant", "long"), ("grant", "short"), ("grant", "one"), ("grant", "shut")]
    assert sorted((event["event"], event["sequence"]) for event in events[4:]) == [
        ("expired", "long"), ("expired", "one"), ("expired", "short"), ("expired", "shut")]


def test_a_token(lab: Lab, knockwork: Knockwork) -> None:
    """Whoever comes in by a token is told like everyone else, and counted."""
    knockwork.apply("knockwork: 1\nlog: grants\nsequences:\n  - name: alice\n    opens: [22/tcp]\n"
                    "    token: {port: 41873/udp, key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=, period: 1s}\n")
    watcher = Watcher(knockwork, "--count", "1", "--json")
    token = tokens.token(bytes(range(32)), tokens.window(1000), 0, 1000)
    lab.client.send(41873, token)
    lab.stranger.send(41873, token)
    (event,) = (json.loads(line) for line in watcher.lines())
    assert (event["event"], event["source"], event["sequence"]) == ("grant", lab.client.source, "alice")
    (alice,) = json.loads(knockwork.run("status", "--json").stdout)["sequences"]
    assert alice["uses"] == 1


def test_in_the_journal(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Each event is an entry with fields of its own, and nothing is printed."""
    journal = Journal(lab.server)
    knockwork.apply(DECLARATION.replace("LOG", "all").replace("opens: [22/tcp]", "opens: [22/tcp], open_for: 1s"))
    watcher = Watcher(knockwork, "--count", "3", "--journal")
    client.knock(7000, 8000, 9000)
    stranger = _clumsy(lab, client)
    stranger.knock(7001)
    assert watcher.lines() == []
    entries = [entry for entry in journal.entries() if entry["KNOCKWORK_EVENT"] != "change"]
    shown = ("KNOCKWORK_EVENT", "SEQUENCE", "SOURCE", "PRIORITY", "SYSLOG_IDENTIFIER", "MESSAGE")
    assert [tuple(entry.get(name) for name in shown) for entry in entries] == [
        ("grant", "ssh", client.source, "6", "knockwork", f"{client.source}: granted by ssh"),
        ("wrong", None, stranger.source, "5", "knockwork", f"{stranger.source}: wrong knock"),
        ("expired", "ssh", client.source, "6", "knockwork", f"{client.source}: grant by ssh expired")]


def test_without_a_journal(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Said once, and the watch goes on."""
    knockwork.apply(DECLARATION.replace("LOG", "all"))
    watcher = Watcher(knockwork, "--journal")
    client.knock(7000, 8000, 9000)
    client.knock(9000)
    assert client.tcp(22) == "open"
    lab.server.run(["sleep", "0.3"])
    _, err = watcher.stop()
    assert err == "warning: the journal does not take events: does systemd-journald run?\n"
    assert "exclude each other" in knockwork.run("watch", "--journal", "--json").stdout


def test_what_the_journal_did_not_take(lab: Lab, knockwork: Knockwork) -> None:
    """It is told that events are missing as soon as it takes one again."""
    knockwork.apply(DECLARATION.replace("LOG", "grants"))
    watcher = Watcher(knockwork, "--count", "2", "--journal")
    lab.caller("10.200.1.1").knock(7000, 8000, 9000)
    assert "does not take events" in watcher.warning()
    journal = Journal(lab.server)
    lab.client.knock(7000, 8000, 9000)
    watcher.lines()
    assert [(entry["KNOCKWORK_EVENT"], entry.get("SOURCE")) for entry in journal.entries()] == [
        ("lost", None), ("grant", lab.client.source)]


def test_nothing_to_report(knockwork: Knockwork) -> None:
    """Whoever watches where nothing is reported is told so; so is the second who listens."""
    knockwork.apply(DECLARATION.replace("LOG", "none"))
    watcher = Watcher(knockwork)
    assert "another `knockwork watch`" in knockwork.run("watch").stderr
    _, err = watcher.stop()
    assert "`log: none`" in err
