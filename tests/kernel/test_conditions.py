"""What a sequence may ask for besides its knocks: who knocks, how fast in all, and where."""

import json
import time

import pytest

from bed import Caller, Lab, packets
from bed.cli import Knockwork
from bed.waiting import wait_for

from test_knocking import CLASSIC


def test_from(lab: Lab, knockwork: Knockwork) -> None:
    """Only sources of `from` take steps; for others its knock ports are wrong ones; grants are for one."""
    knockwork.apply(CLASSIC + '    from: [10.200.1.0/24, "fd99:0:0:1::/64"]\n')
    for source, answer in (("10.200.1.7", "open"), ("10.200.2.7", "refused"),
                           ("fd99:0:0:1::7", "open"), ("fd99:0:0:2::7", "refused")):
        caller = lab.caller(source)
        caller.knock(7000, 8000, 9000)
        assert caller.tcp(22) == answer, source
    assert lab.caller("10.200.1.8").tcp(22) == "refused"


def test_from_of_two_sequences(lab: Lab, knockwork: Knockwork) -> None:
    """The same knocks open what the source's own sequence says."""
    knockwork.apply("""\
knockwork: 1
sequences:
  - {name: ops, knock: [7000, 8000], opens: [22/tcp], from: [10.200.1.0/24]}
  - {name: web, knock: [7000, 8000], opens: [80/tcp], from: [10.200.0.0/16]}
""")
    ops, web = lab.caller("10.200.1.7"), lab.caller("10.200.2.7")
    for caller in (ops, web):
        caller.knock(7000, 8000)
    assert [caller.tcp(port) for caller in (ops, web) for port in (22, 80)] == [
        "open", "open", "refused", "open"]


def test_sequence_timeout(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Each step in its time is not enough where the whole took too long; a new first knock starts anew."""
    knockwork.apply(CLASSIC + "    step_timeout: 2s\n    sequence_timeout: 2s\nlockout: 2s\n")
    client.knock(7000, 8000, gap=1.3)
    time.sleep(1.3)
    client.knock(9000)
    assert client.tcp(22) == "refused"
    time.sleep(2.4)  # that last knock was out of turn
    client.knock(7000, 8000, gap=1.3)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"


def test_interfaces(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Nothing is protected, knocked or wrong on an interface that is not listed; one may be absent."""
    knockwork.apply(CLASSIC + "interfaces: [wg0]\n", "--allow-absent")
    assert client.tcp(22) == "open"
    client.knock(6999)
    knockwork.apply(CLASSIC + "interfaces: [wg0, eth0]\n")
    assert client.tcp(22) == "refused"
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"


GUEST = """\
knockwork: 1
lockout: 30s
sequences:
  - {name: guest, knock: [7000, 8000, 9000], opens: [22/tcp], once: true, step_timeout: 30s}
  - {name: web, knock: [7100, 8100], opens: [80/tcp], step_timeout: 30s}
"""


def test_once(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """One source comes in; for the next one the last knock is a wrong one."""
    knockwork.apply(GUEST)
    client.knock(7000, 8000, 9000)
    stranger.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    assert stranger.tcp(22) == "refused"
    stranger.knock(7100, 8100)
    assert stranger.tcp(80) == "refused"  # locked out


def test_once_for_both_families(lab: Lab, knockwork: Knockwork) -> None:
    """What was spent by IPv4 is spent by IPv6."""
    knockwork.apply(GUEST)
    lab.client.knock(7000, 8000, 9000)
    lab.client6.knock(7000, 8000, 9000)
    assert lab.client.tcp(22) == "open"
    assert lab.client6.tcp(22) == "refused"


def test_duplicates_of_the_spender(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Whoever spent a sequence is not locked out by its own duplicates, nor do they open anything longer."""
    knockwork.apply(GUEST)
    client.knock(7000, 8000, 9000, times=3)
    holders = "holders4" if client is lab.client else "holders6"
    held = knockwork.table().live(holders)
    time.sleep(0.3)
    client.knock(9000, times=3)
    live = knockwork.table()
    assert live.live("locked4") == live.live("locked6") == {}
    assert len(held) == 1
    assert all(live.live(holders)[key] < left - 0.2 for key, left in held.items())
    client.knock(7100, 8100)
    assert client.tcp(80) == "open"


def test_other_knocks_renew(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """A spent sequence whose knocks change may be used once more."""
    knockwork.apply(GUEST)
    client.knock(7000, 8000, 9000)
    knockwork.apply(GUEST.replace("9000", "9005"))
    stranger.knock(7000, 8000, 9005)
    assert stranger.tcp(22) == "open"


CUT = """\
knockwork: 1
mode: {mode}
always_allow: [10.200.9.9, "fd99:9::9"]
sequences:
  - {{name: short, knock: [7000, 8000], opens: [22/tcp, 51820/udp], open_for: 1s, on_expiry: cut}}
  - {{name: long, knock: [7100, 8100], opens: [22/tcp, 51820/udp], open_for: 60s, on_expiry: cut}}
"""
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


@both_modes
def test_cut_sessions(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """A TCP session stops with its grant, and goes on with a new one; others do not notice."""
    web = [caller.connect(80) for caller in (client, stranger)]
    knockwork.apply(CUT.format(mode=mode))
    stranger.knock(7100, 8100)
    client.knock(7000, 8000)
    theirs, session = stranger.connect(22), client.connect(22)
    assert session.works()
    wait_for(lambda: not session.works(1), "the session stops")
    assert client.tcp(22) in ("refused", "silent")  # for want of a grant, that is
    assert theirs.works()
    assert all(other.works() for other in web)
    client.knock(7100, 8100)
    wait_for(session.works, "the session goes on")
    assert theirs.works()


def _arrives(lab: Lab, caller: Caller, source_port: int) -> bool:
    """Whether a datagram to the server's UDP service reaches it. Another, that must, tells when to look."""
    witness = lab.caller("fd99:9::9" if ":" in caller.source else "10.200.9.9")
    lab.server.call("heard", 51820)
    heard: list[tuple[str, bytes]] = []
    for sender, port, payload in ((caller, source_port, b"flow"), (witness, 40000, b"witness")):
        lab.callers.call(packets.raw_udp, sender.target, 51820, sender.source, port, payload)

    def is_over() -> bool:
        heard.extend(lab.server.call("heard", 51820))
        return any(payload == b"witness" for _, payload in heard)

    wait_for(is_over, "the witness is heard")
    return any(payload == b"flow" for _, payload in heard)


@both_modes
def test_cut_flows(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller, mode: str) -> None:
    """The same of a UDP flow, each packet of which is of one connection."""
    knockwork.apply(CUT.format(mode=mode))
    stranger.knock(7100, 8100)
    client.knock(7000, 8000)
    assert _arrives(lab, client, 40001)
    wait_for(lambda: not _arrives(lab, client, 40001), "the flow stops")
    assert _arrives(lab, stranger, 40001)
    client.knock(7100, 8100)
    assert _arrives(lab, client, 40001)


@both_modes
def test_cut_means_cut(lab: Lab, knockwork: Knockwork, client: Caller, mode: str) -> None:
    """A server that speaks first, or again after conntrack forgot the flow, lets nobody in by that."""
    knockwork.apply(CUT.format(mode=mode))
    lab.server.call(packets.raw_udp, client.source, 40001, client.target, 51820)
    assert not _arrives(lab, client, 40001)
    client.knock(7000, 8000)
    assert _arrives(lab, client, 40001)


def test_cut_is_for_its_own_place(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """What a sequence keeps at an address of its own goes on, whatever ends at that port of this host."""
    knockwork.apply(CUT.format(mode="gate") + f"""\
  - {{name: there, knock: [7200, 8200], opens: [22/tcp], open_for: 1s, to: ["{client.target}"]}}
""")
    client.knock(7200, 8200)
    session = client.connect(22)
    wait_for(lambda: client.tcp(22) == "refused", "the grant expires")
    assert session.works()


def test_ipv6_prefix(lab: Lab, knockwork: Knockwork) -> None:
    """A /64 knocks together and comes in together; IPv4 sources stay one by one."""
    knockwork.apply(CLASSIC + "ipv6_prefix: 64\n")
    for source, knock in (("fd99:0:0:1::7", 7000), ("fd99:0:0:1::8", 8000), ("fd99:0:0:1::7", 9000)):
        lab.caller(source).knock(knock)
    assert lab.caller("fd99:0:0:1:2:3:4:5").tcp(22) == "open"
    assert lab.caller("fd99:0:0:2::7").tcp(22) == "refused"
    lab.caller("10.200.1.7").knock(7000, 8000, 9000)
    assert lab.caller("10.200.1.7").tcp(22) == "open"
    assert lab.caller("10.200.1.8").tcp(22) == "refused"


def test_ipv4_prefix(lab: Lab, knockwork: Knockwork) -> None:
    """A /24 knocks, comes in and is locked out together, and `status` names the network; IPv6 stays one by one."""
    knockwork.apply(CLASSIC + "ipv4_prefix: 24\nlockout: 30s\n")
    for source, knock in (("10.200.1.7", 7000), ("10.200.1.8", 8000), ("10.200.1.7", 9000)):
        lab.caller(source).knock(knock)
    assert lab.caller("10.200.1.9").tcp(22) == "open"
    assert lab.caller("10.200.2.7").tcp(22) == "refused"
    lab.caller("10.200.3.7").knock(6999)
    neighbour = lab.caller("10.200.3.8")
    neighbour.knock(7000, 8000, 9000)
    assert neighbour.tcp(22) == "refused"
    lab.caller("fd99::7").knock(7000, 8000, 9000)
    assert (lab.caller("fd99::7").tcp(22), lab.caller("fd99::8").tcp(22)) == ("open", "refused")
    status = json.loads(knockwork.run("status", "--json").stdout)
    assert sorted(grant["source"] for grant in status["grants"]) == ["10.200.1.0/24", "fd99::7"]
    assert [lockout["source"] for lockout in status["lockouts"]] == ["10.200.3.0/24"]


@pytest.mark.parametrize("prefix, fate", [(128, ("refused", "open", "open")),
                                          (56, ("refused", "refused", "open"))])
def test_lockouts_by_ipv6_prefix(lab: Lab, knockwork: Knockwork, prefix: int, fate: tuple[str, ...]) -> None:
    """By /64, or by the prefix where that is shorter."""
    knockwork.apply(CLASSIC + f"ipv6_prefix: {prefix}\nlockout: 30s\n")
    lab.caller("fd99:0:0:1::7").knock(6999)
    for source, answer in zip(("fd99:0:0:1::8", "fd99:0:0:2::7", "fd99:0:0:101::7"), fate):
        caller = lab.caller(source)
        caller.knock(7000, 8000, 9000)
        assert caller.tcp(22) == answer, source
