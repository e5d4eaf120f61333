"""Other firewalls beside the gate: what `apply` says about them, and what refused packets are answered."""

import pytest

from bed import Lab
from bed.capture import Probe, Reply, ask
from bed.cli import Knockwork
from bed.lab import SERVER
from bed.packets import SYN

CLASSIC = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""
MIXED = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/tcp, 9000/udp]
    opens: [22/tcp, 443/tcp, 51820/udp]
"""

UFW = """table inet fw { chain input { type filter hook input priority filter; policy drop;
ct state established,related accept
iif lo accept
icmp type echo-request accept
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
tcp dport 22 accept
udp dport 51820 accept
}; }"""
FIREWALLD = """table inet fw {{ chain input {{ type filter hook input priority filter + 10; policy accept;
ct state {{ established, related }} accept
ct status dnat accept
iifname "lo" accept
icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
tcp dport {port} ct state new accept
udp dport 51820 ct state new accept
ct state invalid drop
{end}
}}; }}"""
REJECT = "reject with icmpx admin-prohibited"
SHAPES = {"ufw": UFW, **{name: FIREWALLD.format(port=22, end=end) for name, end in
                         (("firewalld", REJECT), ("firewalld-drop", "drop"), ("firewalld-unreachable", "reject"))}}


@pytest.mark.parametrize("end, port, refuse, said", [
    ("drop", 22, "reject", "Set `refuse: drop`"),
    (REJECT, 22, "reject", "rejects closed ports"),
    ("drop", 80, "auto", "the chain inet fw input refuses what ssh opens"),
])
def test_apply_names_the_chain(lab: Lab, knockwork: Knockwork, end: str, port: int, refuse: str, said: str) -> None:
    """A firewall that spoils a grant, or shows what is protected, is named."""
    lab.server.nft(FIREWALLD.format(port=port, end=end))
    knockwork.declare(f"{CLASSIC}refuse: {refuse}\n")
    done = knockwork.run("apply")
    assert done.returncode == 0
    assert said in done.stdout + done.stderr
    assert "inet fw input" in done.stdout + done.stderr


def _said(knockwork: Knockwork) -> str:
    done = knockwork.run("apply")
    assert done.returncode == 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("command", ["validate", "lint", "plan", "apply", "status"])
def test_every_look_names_it(lab: Lab, knockwork: Knockwork, command: str) -> None:
    """Whoever looks at the gate is told what the other firewall spoils, and nothing once it does not."""
    knockwork.apply(CLASSIC)
    lab.server.nft(FIREWALLD.format(port=80, end="drop"))
    refuses = "the chain inet fw input refuses what ssh opens"
    otherwise = "another firewall answers differently at closed ports than the gate at protected ports"
    said = knockwork.run(command)
    assert refuses in said.stdout + said.stderr
    assert (otherwise in said.stdout + said.stderr) == (command == "status")
    knockwork.apply()
    assert otherwise not in knockwork.run("status").stderr
    lab.server.nft("delete table inet fw")
    assert refuses not in knockwork.run(command).stderr
    knockwork.apply()
    assert "warning" not in knockwork.run("status").stderr


def test_unchanged_does_not_look(lab: Lab, knockwork: Knockwork) -> None:
    """An apply without anything to do reads no other table; whatever is committed has the next one look."""
    lab.server.nft(FIREWALLD.format(port=80, end="drop"))
    knockwork.declare(CLASSIC)
    assert "inet fw input" in _said(knockwork)
    for _ in range(2):
        assert _said(knockwork) == "Unchanged: the kernel already matches the declaration.\n"
    lab.server.nft("add table ip another")
    assert "inet fw input" in _said(knockwork)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("shape", SHAPES)
def test_answers_as_closed(lab: Lab, knockwork: Knockwork, shape: str, protocol: str) -> None:
    """Protected ports, listened at or not, and knock ports answer as the ports that this firewall refuses."""
    lab.server.nft(SHAPES[shape])
    lab.server.call("listen_tcp", 8000)
    lab.server.call("listen_udp", 9000)
    knockwork.apply(MIXED)
    ports = (22, 443, 8000) if protocol == "tcp" else (51820, 7000, 9000)
    for target in SERVER:
        closed = _answer(lab, target, 6000, protocol)
        assert (closed is None) == (shape in ("ufw", "firewalld-drop"))
        assert {port: _answer(lab, target, port, protocol) for port in ports} == dict.fromkeys(ports, closed)
    assert knockwork.apply().startswith("Unchanged")


def _answer(lab: Lab, target: str, port: int, protocol: str) -> Reply | None:
    """From an address of its own for each port: wrong knocks of one say nothing of another."""
    source = f"fd99:0:{port:x}::1" if ":" in target else f"10.200.{port >> 8}.{port & 255}"
    probe = Probe(port, SYN if protocol == "tcp" else None)
    answers: list[Reply | None] = lab.callers.call(ask, source, target, [probe], 40000, 1, 0.3)
    return answers[0]


def test_explain_tells_whose_change_it_is(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply(MIXED)
    lab.server.nft(SHAPES["firewalld"])
    said = " ".join(knockwork.run("explain").stdout.split())
    assert "The firewalls of this host answer differently than at the last apply." in said
    assert "something else" not in said


def test_answers_at_a_start(lab: Lab, knockwork: Knockwork) -> None:
    """The gate stands before the other firewall: it answers as before, until an apply finds that firewall gone."""
    lab.server.nft(SHAPES["firewalld-drop"])
    knockwork.apply(MIXED)
    lab.server.nft("flush ruleset")
    lab.server.run(["sh", "-c", "rm -rf /run/knockwork/*"])
    knockwork.apply(None, "--unattended")
    assert lab.stranger.tcp(22) == "silent"
    lab.server.nft(SHAPES["firewalld-drop"])
    assert knockwork.apply().startswith("Unchanged")
    lab.server.nft("flush ruleset")
    knockwork.apply(None, "--unattended")
    assert lab.stranger.tcp(22) == "silent"
    assert "differently" in knockwork.run("status").stderr
    assert "answers" in knockwork.apply()
    assert lab.stranger.tcp(22) == "refused"
    lab.server.nft("flush ruleset")
    knockwork.apply(None, "--unattended")
    assert lab.stranger.tcp(22) == "refused"


def test_answers_of_a_stand_in(lab: Lab, knockwork: Knockwork) -> None:
    """The last good gate answers as it did, also at the start after."""
    lab.server.nft(SHAPES["firewalld-drop"])
    knockwork.apply(MIXED)
    knockwork.declare("knockwork: 1\nsequences: oops\n")
    for _ in range(2):
        lab.server.nft("flush ruleset")
        lab.server.run(["sh", "-c", "rm -rf /run/knockwork/*"])
        assert knockwork.run("apply", "--unattended").returncode == 1
        assert lab.stranger.tcp(22) == "silent"


def test_answers_after_a_repair(lab: Lab, knockwork: Knockwork) -> None:
    """It looks at a firewall that was not there at the last apply."""
    knockwork.apply(MIXED)
    lab.server.nft("flush ruleset\n" + SHAPES["firewalld-drop"])
    knockwork.run("drift", "--repair")
    assert lab.stranger.tcp(22) == "silent"


def test_answers_after_a_rollback(lab: Lab, knockwork: Knockwork) -> None:
    """Nobody looked at the firewalls of now: the next apply does."""
    knockwork.apply(MIXED)
    lab.server.nft(SHAPES["firewalld-drop"])
    knockwork.apply(MIXED.replace("7000", "6000"), "--confirm-within", "60s")
    assert knockwork.run("rollback").returncode == 0
    assert "answers" in knockwork.apply(MIXED)
    assert lab.stranger.tcp(22) == "silent"


def test_answers_follow(lab: Lab, knockwork: Knockwork) -> None:
    """A knock opens beside such a firewall; when it has gone, the next apply answers as the host itself does."""
    lab.server.nft(SHAPES["firewalld-drop"])
    knockwork.apply(MIXED)
    assert lab.stranger.tcp(22) == "silent"
    lab.client.knock(7000, "8000/tcp", 9000)
    assert (lab.client.tcp(22), lab.stranger.tcp(22)) == ("open", "silent")
    lab.server.nft("delete table inet fw")
    assert knockwork.differs()
    assert "answers" in knockwork.apply()
    assert (lab.client.tcp(22), lab.stranger.tcp(22), lab.stranger.tcp(443)) == ("open", "refused", "refused")
    assert not knockwork.differs()
