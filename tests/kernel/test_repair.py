"""Drift is seen, and repaired as soon as it is there; nothing else is taken for it."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from bed import Lab, crippled
from bed.cli import Knockwork
from bed.journal import Journal
from bed.packets import Answer
from bed.table import Table
from bed.waiting import wait_for

ONE = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}
  - {name: vpn, knock: [7100/udp, 8100/udp], opens: [51820/udp], once: true}
"""
TWO = ONE.replace("7000", "6001")
KEY = "GUoSQDN0Z4xRoi9BS1U8pxiQcHWlXpVeFwnqU8WcGmE="
TOKENS = f"""\
knockwork: 1
sequences:
  - {{name: alice, token: {{port: 41873, key: {KEY}}}, opens: [22/tcp]}}
"""
# Whether the port is open, again and again: a line for each time it was, with the clock that all hosts share.
PROBE = """\
import socket, sys, time
while True:
    began = time.monotonic()
    try:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.2).close()
        print(began, flush=True)
    except OSError:
        time.sleep(0.001)
"""


class Probe:
    """Somebody who never knocks, at a protected port, without end."""

    def __init__(self, lab: Lab, port: int = 22) -> None:
        self._process = lab.client.host.popen(["/usr/bin/python3", "-c", PROBE, lab.stranger.target, str(port)],
                                              stdout=subprocess.PIPE)

    def open_for(self) -> float:
        """From the first time that it was open until the last, in seconds; ends the probe."""
        self._process.terminate()
        times = [float(line) for line in self._process.communicate(timeout=20)[0].splitlines()]
        return times[-1] - times[0] if times else 0


@pytest.fixture
def repairing(knockwork: Knockwork) -> Iterator["subprocess.Popen[str]"]:
    """`drift --repair --watch` on the server, with ONE applied."""
    knockwork.apply(ONE)
    process = knockwork.host.popen(knockwork.command("drift", "--repair", "--watch", "--json"), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
    listening = "grep -Eq '^[0-9a-f]+ 12 +[0-9]+ +00000040' /proc/net/netlink"
    knockwork.host.run(["sh", "-c", f"until {listening}; do sleep 0.01; done"], timeout=20, check=True)
    yield process
    process.terminate()
    process.communicate(timeout=20)


def _repairs(knockwork: Knockwork) -> int:
    done = knockwork.host.run(["cat", "/var/lib/knockwork/repairs.json"])
    return int(json.loads(done.stdout)["count"]) if done.returncode == 0 else 0


def _drifted(knockwork: Knockwork) -> bool:
    return knockwork.run("drift", "--detailed-exitcode").returncode == 2


# What another program or a hand does, with the names of this table's first hooked chain and its first rule.
FOREIGN = {
    "flush ruleset": "flush ruleset\n",
    "delete table": "delete table inet knockwork\n",
    "flush chain": "flush chain inet knockwork {chain}\n",
    "flush rules": "flush table inet knockwork\n",
    "accept": "insert rule inet knockwork {chain} accept\n",
    "delete rule": "delete rule inet knockwork {chain} handle {handle}\n",
    "dormant": "add table inet knockwork {{ flags dormant; }}\n",
    "restart of nftables":
        "flush ruleset\ntable inet filter {{ chain input {{ type filter hook input priority 0; }}; }}\n",
}


def _done_by_others(act: str, table: Table) -> str:
    gate = table.block("gate")
    return FOREIGN[act].format(chain=gate.name, handle=gate.rules[-1].handle)


@pytest.mark.parametrize("act", FOREIGN)
def test_what_others_do_is_repaired(act: str, knockwork: Knockwork, lab: Lab, repairing: object) -> None:
    """Strangers get in until then, and no longer: the printed time."""
    probe = Probe(lab)
    knockwork.host.nft(_done_by_others(act, knockwork.table()))
    wait_for(lambda: _repairs(knockwork) == 1, "the repair", 30)
    assert lab.stranger.tcp(22) is not Answer.OPEN
    open_for = probe.open_for()
    print(f"{act}: open to strangers for {open_for:.3f} s")
    assert open_for < 10
    assert not _drifted(knockwork)
    lab.client.knock(7000, 8000, 9000)
    assert lab.client.tcp(22) is Answer.OPEN
    assert _repairs(knockwork) == 1


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "alone"])
def test_a_restart_of_nftables(watched: bool, knockwork: Knockwork, lab: Lab, request: pytest.FixtureRequest) -> None:
    """What systemd does for `systemctl restart nftables`, by the order of the two units; grants live on."""
    knockwork.apply(ONE)
    if watched:
        request.getfixturevalue("repairing")
    lab.client.knock(7000, 8000, 9000)
    probe = Probe(lab)
    knockwork.host.write("/etc/nftables.conf", FOREIGN["restart of nftables"].format())
    restart = " ".join((*knockwork.command("save"), "&& nft flush ruleset && nft -f /etc/nftables.conf &&",
                        *knockwork.command("apply", "--unattended", "--quiet")))
    knockwork.host.run(["sh", "-c", restart], check=True)
    assert lab.stranger.tcp(22) is not Answer.OPEN
    open_for = probe.open_for()
    print(f"restart of nftables: open to strangers for {open_for:.3f} s")
    assert open_for < 10
    assert lab.client.tcp(22) is Answer.OPEN
    assert not _drifted(knockwork) and not knockwork.differs()


def test_again_and_again(knockwork: Knockwork, repairing: "subprocess.Popen[str]") -> None:
    """Every flush is repaired, and each repair is told once."""
    for number in range(5):
        knockwork.host.nft("flush ruleset")
        wait_for(lambda: _repairs(knockwork) == number + 1, "the repair", 30)
    assert not _drifted(knockwork)
    repairing.terminate()
    told = [json.loads(line) for line in repairing.communicate(timeout=20)[0].splitlines()]
    assert len(told) == 5 and all(each["changed"] for each in told)


def _json_lines(process: "subprocess.Popen[str]") -> list[str]:
    out, err = process.communicate(timeout=20)
    assert not err, err
    return out.splitlines()


def test_our_own_commands_are_no_drift(knockwork: Knockwork, lab: Lab, repairing: object) -> None:
    """Applies, grants, revocations and packets, while it watches."""
    for text in (TWO, ONE, TWO):
        knockwork.apply(text)
        assert not _drifted(knockwork)
        knockwork.run("grant", "--sequence", "ssh", "192.0.2.7")
        knockwork.run("revoke", "--all")
    lab.client.knock(6001, 8000, 9000)
    lab.client.knock(7100, 8100)
    knockwork.run("renew", "vpn")
    assert lab.client.tcp(22) is Answer.OPEN
    assert _repairs(knockwork) == 0 and not _drifted(knockwork)
    assert "6001" in knockwork.listing()


def test_a_removed_gate_stays_removed(knockwork: Knockwork, repairing: "subprocess.Popen[str]") -> None:
    knockwork.remove()
    assert not _drifted(knockwork)
    assert knockwork.run("drift", "--repair").returncode == 0
    assert knockwork.host.run(["/usr/sbin/nft", "list", "table", "inet", "knockwork"]).returncode == 1
    repairing.terminate()
    assert not _json_lines(repairing)


def test_what_a_hand_took_stays_taken(knockwork: Knockwork, lab: Lab) -> None:
    """A revocation, a renewal and a grant outlive a flush: they are kept as they are made."""
    knockwork.apply(ONE)
    lab.client.knock(7000, 8000, 9000)
    lab.client.knock(7100, 8100)
    live = lab.client.connect(22)
    knockwork.run("grant", "--sequence", "ssh", "--for", "10m", lab.stranger.source)
    knockwork.run("revoke", "--source", lab.client.source)
    knockwork.host.nft("flush ruleset")
    done = knockwork.run("drift", "--repair")
    assert "uses of `once` sequences since the last `knockwork save` are forgotten" in done.stderr
    assert "severed4" in knockwork.listing() and not live.works(0.5)
    assert lab.client.tcp(22) is not Answer.OPEN and lab.stranger.tcp(22) is Answer.OPEN
    lab.client.knock(7100, 8100)
    assert lab.client.source not in str(json.loads(knockwork.run("status", "--json").stdout)["grants"])
    knockwork.run("renew", "vpn")
    knockwork.host.nft("flush ruleset")
    knockwork.run("drift", "--repair")
    lab.client.knock(7100, 8100)
    assert lab.client.source in str(json.loads(knockwork.run("status", "--json").stdout)["grants"])


def test_what_was_not_applied_is_not_drift(knockwork: Knockwork) -> None:
    """An edited declaration waits for its apply; the repair brings back what was applied."""
    knockwork.apply(ONE)
    before = knockwork.listing()
    knockwork.declare(TWO)
    assert not _drifted(knockwork)
    knockwork.host.nft("delete table inet knockwork")
    assert _drifted(knockwork)
    knockwork.run("drift", "--repair")
    assert "6001" not in knockwork.listing() and knockwork.listing().count("\n") == before.count("\n")
    assert not _drifted(knockwork) and knockwork.differs()


def test_a_check_changes_nothing(knockwork: Knockwork) -> None:
    knockwork.apply(ONE)
    knockwork.host.nft("flush ruleset")
    done = knockwork.run("drift", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["changed"]
    assert _drifted(knockwork) and _repairs(knockwork) == 0


def test_an_unconfirmed_apply(knockwork: Knockwork) -> None:
    """Its table is gone, so nobody can confirm it: that of before comes back, at once."""
    knockwork.apply(ONE)
    knockwork.apply(TWO, "--confirm-within", "1h")
    assert not _drifted(knockwork)
    knockwork.host.nft("flush ruleset")
    assert _drifted(knockwork)
    done = knockwork.run("drift", "--repair")
    assert "was rolled back" in done.stderr
    assert "7000" in knockwork.listing() and "6001" not in knockwork.listing()
    assert "no apply waits" in knockwork.refused("confirm")


def test_tokens(knockwork: Knockwork, lab: Lab) -> None:
    """What was flushed comes back with tokens: the next ones open, used ones do not."""
    knockwork.apply(TOKENS)
    knockwork.host.nft("flush ruleset")
    assert knockwork.run("drift", "--repair").returncode == 0
    status = json.loads(knockwork.run("status", "--json").stdout)
    assert status["present"] and status["tokens"]["until"]
    assert not _drifted(knockwork)


def test_a_stand_in(knockwork: Knockwork) -> None:
    """Where the declaration could not be applied at the start, the last good gate stands, and comes back as that."""
    knockwork.apply(ONE)
    knockwork.declare("knockwork: 1\nsequences: oops\n")
    knockwork.host.nft("flush ruleset")
    assert knockwork.run("apply", "--unattended").returncode == 1
    assert not _drifted(knockwork)
    knockwork.host.nft("flush ruleset")
    assert _drifted(knockwork)
    knockwork.run("drift", "--repair")
    assert not _drifted(knockwork)
    assert json.loads(knockwork.run("status", "--json").stdout)["degraded"]


def test_answers_of_others(knockwork: Knockwork) -> None:
    """Where the gate answers as another firewall does, a repair keeps that."""
    knockwork.host.nft("table inet other { chain input { type filter hook input priority 10; policy drop; }; }")
    knockwork.apply(ONE.replace("sequences", "refuse: auto\nsequences", 1))
    before = knockwork.listing().count("\n")
    assert not _drifted(knockwork)
    knockwork.host.nft("delete table inet knockwork")
    knockwork.run("drift", "--repair")
    assert knockwork.listing().count("\n") == before
    assert not _drifted(knockwork) and not knockwork.differs()


def test_an_apply_that_nobody_rolled_back(knockwork: Knockwork, repairing: object) -> None:
    """Where the process that was to do it has died, whoever repairs does."""
    knockwork.apply(TWO, "--confirm-within", "1s")
    knockwork.host.run(["pkill", "-KILL", "-f", "knockwork apply"], check=True)
    wait_for(lambda: "7000" in knockwork.listing(), "it was rolled back")
    assert "no apply waits" in knockwork.refused("confirm")


def test_the_journal(knockwork: Knockwork) -> None:
    journal = Journal(knockwork.host)
    knockwork.apply(ONE)
    knockwork.host.nft("flush ruleset")
    knockwork.run("drift", "--repair")
    assert [entry["KNOCKWORK_COMMAND"] for entry in journal.entries()] == ["apply", "repair"]


def test_a_damaged_record(knockwork: Knockwork) -> None:
    """Nobody knows what was applied: a gate that stands is kept, and where none does, the declaration is loaded."""
    knockwork.apply(ONE)
    knockwork.host.write("/var/lib/knockwork/last_good", "damaged\n", 0o600)
    assert "/var/lib/knockwork/last_good is damaged" in knockwork.run("drift").stderr
    assert "7000" in knockwork.listing()
    knockwork.host.nft("flush ruleset")
    assert _drifted(knockwork)
    knockwork.run("drift", "--repair")
    assert "7000" in knockwork.listing() and not _drifted(knockwork)


def test_no_room_for_the_record(knockwork: Knockwork, lab: Lab) -> None:
    """What could not be recorded is not taken for drift; after a flush, it is what comes back."""
    knockwork.host.run(["mkdir", "-p", "/var/lib/knockwork"], check=True)
    knockwork.host.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", "/var/lib/knockwork"], check=True)
    knockwork.apply(ONE)
    knockwork.host.run(["sh", "-c", "cat /dev/zero > /var/lib/knockwork/fill"])
    knockwork.declare(TWO.replace("8000", "6500"))
    assert "is loaded, but it was not saved as the last good gate" in knockwork.run("apply").stderr
    assert "could not be recorded: run `knockwork apply`" in knockwork.run("drift", "--repair").stderr
    lab.client.knock(7000, 8000, 9000)
    assert lab.client.tcp(22) is not Answer.OPEN
    knockwork.host.nft("flush ruleset")
    knockwork.run("drift", "--repair")
    lab.stranger.knock(6001, 6500, 9000)
    assert lab.stranger.tcp(22) is Answer.OPEN
    knockwork.host.run(["rm", "/var/lib/knockwork/fill"], check=True)
    knockwork.run("apply")
    assert not knockwork.run("drift").stderr


def test_an_apply_that_the_kernel_refused(knockwork: Knockwork) -> None:
    """Nothing was committed, so nothing is in doubt: what a hand does then is repaired as ever."""
    knockwork.apply(ONE)
    knockwork.declare(TWO)
    refused = ["/usr/bin/python3", "-B", crippled.__file__, "no-memory", *knockwork.command("apply")]
    assert "refused" in knockwork.host.run(refused).stderr
    knockwork.host.nft(_done_by_others("flush chain", knockwork.table()))
    assert _drifted(knockwork)
    assert not knockwork.run("drift", "--repair").stderr
    assert not _drifted(knockwork) and "17 . 7000" in knockwork.listing()


def test_a_removal_that_could_not_be_recorded(knockwork: Knockwork) -> None:
    """It stays removed, all the same; so does one of a table that was gone already."""
    knockwork.apply(ONE)
    knockwork.host.run(["mount", "-t", "tmpfs", "none", "/mnt"], check=True)
    bound = "mount --bind /mnt/knockwork /var/lib/knockwork && mount -o remount,ro,bind /var/lib/knockwork"
    knockwork.host.run(["sh", "-c", f"cp -a /var/lib/knockwork /mnt/ && {bound}"], check=True)
    knockwork.run("remove")
    assert not _drifted(knockwork)
    knockwork.run("drift", "--repair")
    assert knockwork.host.run(["/usr/sbin/nft", "list", "table", "inet", "knockwork"]).returncode == 1
    knockwork.host.run(["umount", "/var/lib/knockwork"], check=True)
    knockwork.apply(ONE)
    knockwork.host.nft("flush ruleset")
    knockwork.run("remove")
    assert not _drifted(knockwork)


@pytest.mark.parametrize("act", ["flush chain", "flush rules", "accept", "delete table"])
def test_an_unconfirmed_table_that_others_changed(act: str, knockwork: Knockwork) -> None:
    """It is rolled back at once: nobody can confirm it any more."""
    knockwork.apply(ONE)
    knockwork.apply(TWO, "--confirm-within", "1h")
    knockwork.host.nft(_done_by_others(act, knockwork.table()))
    assert _drifted(knockwork)
    assert "was rolled back" in knockwork.run("drift", "--repair").stderr
    assert not _drifted(knockwork)
    assert "no apply waits" in knockwork.refused("confirm")


def test_a_salvaged_gate(knockwork: Knockwork) -> None:
    """What stands in for a broken declaration, without a last good gate, comes back as well."""
    knockwork.declare(ONE.replace("opens: [51820/udp]", "opens: oops"))
    assert knockwork.run("apply", "--unattended").returncode == 1
    assert not _drifted(knockwork)
    knockwork.host.nft("flush ruleset")
    assert _drifted(knockwork)
    knockwork.run("drift", "--repair")
    assert "17 . 7000" in knockwork.listing()
