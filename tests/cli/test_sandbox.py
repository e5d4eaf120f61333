"""What the units run needs no more than their sandboxes allow: capabilities, system calls, sockets, namespaces."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.journal import Journal
from bed.units import NOBODY, SERVICES, Installed, Unit, install, read
from bed.waiting import wait_for

PLAIN = """\
knockwork: 1
log: all
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp], open_for: 1h}
"""
CHANGED = PLAIN.replace("8000", "8005")
DRAWN = """\
knockwork: 1
sequences:
  - name: ssh
    derive: {secret_file: /root/secret, host: web1, length: 4, period: 1d, overlap: 1h}
    opens: [22/tcp]
  - name: web
    token: {port: 41873/udp, secret_file: /root/secret, host: web1}
    opens: [80/tcp]
"""
SECRET = f"master:{base64.b64encode(bytes(range(32))).decode()}\n"
COLLECTOR = "/var/lib/prometheus/node-exporter"
PAGE = f"{COLLECTOR}/knockwork.prom"
TRACE = "/run/trace"
STRACE = ["/usr/bin/strace", "-f", "-qq", "-o", TRACE, "-e", "signal=none"]
# At boot it does without a namespace in which it asks how nftables lists a table, and without an answer whether the
# clock is synchronised.
BOOT = "knockwork.service"
DOES_WITHOUT = re.compile(r"(unshare\(CLONE_NEWNET|clock_adjtime\().* = -1 EPERM")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Unit]:
    folder = install(tmp_path_factory.mktemp("units") / "usr")
    return {name: read(folder / name) for name in SERVICES}


@dataclass
class Confined:
    """Runs what a unit runs, as the unit does, and takes down its system calls."""

    gate: Knockwork
    unit: Unit

    def argv(self, key: str) -> list[str]:
        inject = ["-e", "inject=clock_adjtime:error=EPERM"] if self.unit.name == BOOT else []
        return [*STRACE, *inject, *self.unit.confined(self.gate.command(*self.unit.arguments(key)))]

    def run(self, key: str = "ExecStart") -> str:
        """To its end; what it printed."""
        done = self.gate.host.run(self.argv(key))
        assert done.returncode == 0, done.stderr
        self.judge()
        return done.stdout + done.stderr

    def judge(self) -> None:
        """All that was done since the command itself began was allowed."""
        calls = self.gate.host.read(TRACE)
        begun = calls.index(f'execve("{self.gate.command()[0]}"')
        calls = calls[calls.rindex("\n", 0, begun) + 1:]
        assert "PR_SET_DUMPABLE" in calls and "AF_NETLINK" in calls
        refused = self.unit.refused(calls)
        assert [call for call in refused if self.unit.name != BOOT or not DOES_WITHOUT.search(call)] == []


def _nothing(gate: Knockwork, _: Lab) -> None:
    gate.declare(PLAIN)


def _the_same(gate: Knockwork, _: Lab) -> None:
    gate.apply(PLAIN)


def _in_use(gate: Knockwork, lab: Lab) -> None:
    """A grant, a lockout, another firewall, and another declaration."""
    gate.apply(PLAIN)
    lab.client.knock(7000, 8000, 9000)
    lab.stranger.knock(7001)
    gate.host.nft("table inet other { chain input { type filter hook input priority 0; tcp dport 22 accept; }; }")
    gate.declare(CHANGED)


def _saved(gate: Knockwork, lab: Lab) -> None:
    _in_use(gate, lab)
    gate.run("save")
    gate.host.nft("delete table inet knockwork")


def _not_confirmed(gate: Knockwork, lab: Lab) -> None:
    """Whoever would have rolled it back has gone with the host's last run."""
    _in_use(gate, lab)
    gate.apply(None, "--confirm-within", "1h")
    gate.host.run(["pkill", "-KILL", "knockwork"])
    note = json.loads(gate.host.read("/var/lib/knockwork/pending.json"))
    gate.host.write("/var/lib/knockwork/pending.json", json.dumps({**note, "boot": "another"}), 0o600)


def _drawn(gate: Knockwork, _: Lab) -> None:
    """The secret is in somebody's home, which is his."""
    gate.host.write("/root/secret", SECRET, 0o600)
    gate.host.run(["chown", "65534", "/root"], check=True)
    gate.declare(DRAWN)


STATES: dict[str, tuple[Callable[[Knockwork, Lab], None], str]] = {
    "nothing": (_nothing, "Changed"), "the same": (_the_same, "Unchanged"), "in use": (_in_use, "Changed"),
    "saved": (_saved, "Changed"), "drawn": (_drawn, "Changed"),
    "not confirmed": (_not_confirmed, "it was rolled back first"),
}


@pytest.fixture
def fresh(lab: Lab) -> Knockwork:
    """On a host without a trace of the test before."""
    knockwork = Installed(lab.server)
    for table in ("knockwork", "other"):
        knockwork.host.run(["/usr/sbin/nft", "delete", "table", "inet", table])
    knockwork.host.run(["/bin/sh", "-c", "chown root /root; rm -rf /root/secret /run/knockwork /var/lib/knockwork/*"],
                       check=True)
    return knockwork


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", [BOOT, "knockwork-rotate.service"])
def test_applies(lab: Lab, fresh: Knockwork, units: dict[str, Unit], name: str, state: str) -> None:
    begin, said = STATES[state]
    begin(fresh, lab)
    printed = Confined(fresh, units[name]).run()
    assert said in printed or (said == "Unchanged" and not printed), printed
    assert fresh.table()


def test_save_and_reload(lab: Lab, fresh: Knockwork, units: dict[str, Unit]) -> None:
    boot = Confined(fresh, units[BOOT])
    _in_use(fresh, lab)
    boot.run("ExecStop")
    fresh.host.nft("flush ruleset")
    boot.run("ExecReload")
    assert lab.client.source in fresh.run("status").stdout


def test_drift(lab: Lab, fresh: Knockwork, units: dict[str, Unit]) -> None:
    """Twice: what it does while it watches, and after a repair."""
    watcher = Confined(fresh, units["knockwork-drift.service"])
    fresh.apply(PLAIN)
    process = fresh.host.popen(watcher.argv("ExecStart"))
    wait_for(lambda: "poll(" in fresh.host.run(["cat", TRACE]).stdout, "it watches")
    for deed in ("flush chain inet knockwork gate", "delete table inet knockwork"):
        fresh.host.run(["/usr/sbin/nft", deed], check=True)
        wait_for(lambda: fresh.run("drift").returncode == 0, "it is repaired")
    fresh.host.run(["pkill", "-TERM", "knockwork"], check=True)
    process.wait(20)
    watcher.judge()


def test_metrics(lab: Lab, fresh: Knockwork, units: dict[str, Unit]) -> None:
    """In a directory that belongs to the collector, which reads what is written; nothing is left out."""
    _in_use(fresh, lab)
    fresh.host.run(["install", "-d", "-o", NOBODY, "-m", "0755", COLLECTOR], check=True)
    Confined(fresh, units["knockwork-metrics.service"]).run()
    page = fresh.host.output(["setpriv", f"--reuid={NOBODY}", "--clear-groups", "cat", PAGE])
    assert _names(page) == _names(fresh.run("metrics").stdout)
    assert "knockwork_grants_total" in page


def _names(page: str) -> list[str]:
    return [line.split()[0] for line in page.splitlines() if not line.startswith("#")]


def test_events(lab: Lab, fresh: Knockwork, units: dict[str, Unit]) -> None:
    """By a user that is no root, and has nothing but CAP_NET_ADMIN."""
    journal = Journal(fresh.host)
    unit = units["knockwork-events.service"]
    assert unit.yes("DynamicUser") and unit.capabilities == ["net_admin"]
    fresh.apply(PLAIN)
    watcher = Confined(fresh, unit)
    process = fresh.host.popen([*watcher.argv("ExecStart"), "--count", "2"])
    wait_for(lambda: fresh.host.run(["cat", "/proc/net/netfilter/nfnetlink_log"]).stdout, "it listens")
    (uid,) = set(fresh.host.output(["ps", "-C", "knockwork", "-o", "uid="]).split())
    assert uid == NOBODY
    lab.stranger.knock(7001)
    lab.client.knock(7000, 8000, 9000)
    assert process.wait(20) == 0
    watcher.judge()
    sent = [(entry["KNOCKWORK_EVENT"], entry["SOURCE"]) for entry in journal.entries()
            if entry["KNOCKWORK_EVENT"] != "change"]
    assert sent == [("wrong", lab.stranger.source), ("grant", lab.client.source)]


def test_a_second_listener(fresh: Knockwork, units: dict[str, Unit]) -> None:
    """Whoever is no root, and may listen, is told what is wrong: the group has its listener."""
    fresh.apply(PLAIN)
    argv = units["knockwork-events.service"].confined(fresh.command("watch"))
    first = fresh.host.popen(argv)
    wait_for(lambda: fresh.host.run(["cat", "/proc/net/netfilter/nfnetlink_log"]).stdout, "it listens")
    second = fresh.host.run(argv)
    fresh.host.run(["pkill", "-TERM", "knockwork"], check=True)
    first.wait(20)
    assert second.returncode == 1
    assert "another program already listens" in second.stderr


def test_a_clock_that_cannot_be_asked(fresh: Knockwork) -> None:
    """As in a container: then nobody says that it is synchronised."""
    fresh.host.write("/root/secret", SECRET, 0o600)
    fresh.declare(DRAWN)
    asked = [*STRACE, "-e", "inject=clock_adjtime:error=EPERM", *fresh.command("derive", "clock", "--json")]
    assert json.loads(fresh.host.output(asked))["synchronized"] is False
    assert "(INJECTED)" in fresh.host.read(TRACE)


def test_what_would_be_refused(units: dict[str, Unit]) -> None:
    """The judge of these tests is none that is content with everything."""
    unit = units[BOOT]
    refused = ["1 mount(0, 0)", "1 setuid(0)", "1 socket(AF_INET, SOCK_DGRAM, 0) = 3", "1 unshare(CLONE_NEWNET) = 0",
               "1 mprotect(0x1, 1, PROT_READ|PROT_EXEC) = 0", "1 init_module(0) = 0", "1 sched_setaffinity(0) = 0"]
    taken = ["1 socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) = 3", "1 unlinkat(3, 0) = 0",
             "1 mmap(NULL, 1, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3, 0) = 0", "1 clone(flags=SIGCHLD) = 7"]
    assert unit.refused("\n".join(refused + taken)) == refused
    assert units["knockwork-drift.service"].refused("1 unshare(CLONE_NEWNET) = 0") == []


def test_without_a_journal(fresh: Knockwork) -> None:
    """Where nobody takes what it prints, the unit has loaded the gate all the same; by hand that is an error."""
    fresh.declare(PLAIN)
    for words, status in (("apply --unattended", 0), ("apply", 1)):
        done = fresh.host.run(["/bin/sh", "-c", f"{fresh.command()[0]} {words} >/dev/full"])
        assert done.returncode == status, done.stderr
        assert fresh.table()
