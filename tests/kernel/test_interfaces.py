"""Interfaces that a declaration names beside those that the host has: nothing is open without a word."""

import json

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork
from bed.waiting import wait_for

CLASSIC = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
interfaces: %s
"""
GONE = "interface `%s` does not exist: nothing is protected on it until the interface appears"


def _warnings(knockwork: Knockwork, *arguments: str) -> list[str]:
    done = knockwork.run(*arguments)
    assert done.returncode == 0, done.stderr
    lines: list[str] = done.stderr.splitlines()
    return [line.removeprefix("warning: ") for line in lines]


def _status(knockwork: Knockwork) -> list[str]:
    found: list[str] = json.loads(knockwork.run("status", "--json").stdout)["warnings"]
    assert _warnings(knockwork, "status") == found
    return found


@pytest.mark.parametrize("name", ["eht0", "enp1*"])
def test_none_exists(knockwork: Knockwork, name: str) -> None:
    """Nobody who misspells the one interface thinks himself protected."""
    knockwork.declare(CLASSIC % f"[{name}]")
    for arguments in ("apply",), ("apply", "--check"), ("plan",):
        assert knockwork.refused(*arguments) == (
            f"knockwork: error: none of the declared interfaces exists: `{name}`. Nothing would be protected. "
            "This host has `eth0`. Correct `interfaces`, or allow it with --allow-absent (`allow_absent: true` "
            "in Ansible)\n")
    assert not json.loads(knockwork.run("status", "--json").stdout)["present"]
    open_ = ["`interfaces` has a pattern, which leaves this interface open now: `eth0`. The gate protects nothing "
             "there"]
    said = [GONE % name] + (open_ if "*" in name else [])
    assert _warnings(knockwork, "validate") == _warnings(knockwork, "plan", "--allow-absent") == said


def test_none_exists_yet(knockwork: Knockwork, client: Caller) -> None:
    """At boot interfaces may come later."""
    knockwork.declare(CLASSIC % "[wg0]")
    assert _warnings(knockwork, "apply", "--unattended") == [GONE % "wg0"]
    assert _warnings(knockwork, "apply", "--allow-absent") == [GONE % "wg0"]  # also where nothing changes
    assert _status(knockwork) == [GONE % "wg0"]
    assert client.tcp(22) == "open"


def test_one_is_absent(knockwork: Knockwork, client: Caller) -> None:
    """A warning wherever the declaration is looked at; the others are protected."""
    knockwork.declare(CLASSIC % "[eth0, wg0]")
    for arguments in ("validate",), ("plan",), ("apply",):
        assert _warnings(knockwork, *arguments) == [GONE % "wg0"]
    assert _status(knockwork) == [GONE % "wg0"]
    assert client.tcp(22) == "refused"


PUBLIC = """\
knockwork: 1
mode: stealth
public: [{service: 80/tcp, interface: %s}, {service: gre, interface: %s}, {service: 81/tcp, from: [192.0.2.0/24]}]
"""
NOT_OPEN = "interface `%s` in `public` does not exist: the entry has no effect until the interface appears"


@pytest.mark.parametrize("name", ["eht0", "enp1*"])
def test_public_on_an_absent_one(knockwork: Knockwork, name: str) -> None:
    """An entry of `public` that can let nobody in is told wherever a declaration is looked at."""
    knockwork.declare(PUBLIC % (name, name))
    for arguments in ("validate",), ("plan",), ("apply",), ("apply",):
        assert _warnings(knockwork, *arguments) == [NOT_OPEN % name]
    assert _status(knockwork) == [NOT_OPEN % name]
    knockwork.apply(PUBLIC % ("eth0", "eth*"))
    assert not _status(knockwork) and not _warnings(knockwork, "validate")


def test_public_on_a_port_of_a_bridge(lab: Lab, knockwork: Knockwork) -> None:
    """Packets arrive on the bridge."""
    lab.server.ip("link add br0 type bridge")
    lab.server.ip("link set eth0 master br0")
    knockwork.declare(PUBLIC % ("eth0", "br0"))
    told = ["interface `eth0` in `public` belongs to `br0`: its packets arrive on `br0`, where the entry opens "
            "nothing. Write `br0` instead"]
    assert _warnings(knockwork, "plan") == _warnings(knockwork, "apply") == _status(knockwork) == told


def test_renamed_later(lab: Lab, knockwork: Knockwork) -> None:
    """What udev or an administrator renames is found by status."""
    knockwork.apply(CLASSIC % "[eth0]")
    assert not _status(knockwork)
    lab.server.ip("link set eth0 down")
    lab.server.ip("link set eth0 name lan0")
    assert _status(knockwork) == [GONE % "eth0"]


def test_alternative_name(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Packets come in by the real name, so that is the one in the table."""
    lab.server.ip("link property add dev eth0 altname enp0s31f6")
    knockwork.declare(CLASSIC % "[enp0s31f6]")
    assert not _warnings(knockwork, "validate")
    assert _warnings(knockwork, "apply") == [
        "interface `enp0s31f6` is an alternative name of `eth0`: netfilter knows only `eth0`, and a boot may apply "
        "the declaration before it knows the alternative one. Write `eth0` instead"]
    assert not _status(knockwork) and "eth0" in knockwork.listing()
    assert client.tcp(22) == "refused"
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
    assert not knockwork.differs()


def test_port_of_a_bridge(lab: Lab, knockwork: Knockwork) -> None:
    """Its packets arrive on the bridge."""
    lab.server.ip("link add br0 type bridge")
    lab.server.ip("link set eth0 master br0")
    told = ["interface `eth0` belongs to `br0`: its packets arrive on `br0`, where nothing is protected. "
            "Put `br0` into `interfaces`"]
    knockwork.declare(CLASSIC % "[eth0]")
    for arguments in ("validate",), ("plan",), ("apply",):
        assert _warnings(knockwork, *arguments) == told
    assert _status(knockwork) == told
    knockwork.apply(CLASSIC % "[eth0, br0]")
    assert not _status(knockwork)


LEFT_OUT = """\
knockwork: 1
mode: %s
sequences:
  - {name: ssh, knock: [7000, 8000], opens: [22/tcp]}
interfaces: %s
"""


@pytest.fixture
def second(lab: Lab, client: Caller) -> Caller:
    """The client, by another interface of the server's."""
    lab.server.ip(f"link add lan0 index 12 type veth peer name lan0 index 13 netns {lab.callers.pid}",
                  "addr add 10.66.0.10/16 dev lan0", "addr add fd66::10/64 dev lan0 nodad", "link set lan0 up")
    lab.callers.ip("addr add 10.66.0.20/16 dev lan0", "addr add fd66::20/64 dev lan0 nodad", "link set lan0 up")
    for host in (lab.server, lab.callers):
        wait_for(lambda: "state UP" in host.output(["ip", "-o", "link", "show", "lan0"]), "the link is up")
    six = ":" in client.source
    return Caller(lab.callers, *(("fd66::20", "fd66::10") if six else ("10.66.0.20", "10.66.0.10")))


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("name", ["lan0", "la*"])
def test_all_but_one(knockwork: Knockwork, client: Caller, second: Caller, mode: str, name: str) -> None:
    """On an interface that is left out nothing is protected and no knock counts, nor is any wrong; elsewhere all
    is as without."""
    knockwork.apply(LEFT_OUT % (mode, f'["!{name}"]'))
    assert not knockwork.differs()
    shut = "refused" if mode == "gate" else "silent"
    assert (client.tcp(22), second.tcp(22), second.tcp(80)) == (shut, "open", "open")
    second.knock(7000, 8000, 6999)
    assert not any(knockwork.table().live(f"{kind}{family}") for kind in ("holders", "locked") for family in "46")
    client.knock(7000, 8000)
    assert client.tcp(22) == "open"
    listed = json.loads(knockwork.run("status", "--json").stdout)["interfaces"]
    assert listed == [f"!{name}"] and not _status(knockwork)


def test_left_out_and_back(knockwork: Knockwork, second: Caller) -> None:
    """A plan names what it leaves out; the table follows in one apply, in both directions."""
    knockwork.apply(LEFT_OUT % ("gate", "[]"))
    assert second.tcp(22) == "refused"
    said = knockwork.apply(LEFT_OUT % ("gate", '["!lan0"]'))
    assert '~ setting interfaces: none → all but "lan0"\n' in said
    assert second.tcp(22) == "open"
    assert '~ setting interfaces: all but "lan0" → "lan0"\n' in knockwork.apply(LEFT_OUT % ("gate", "[lan0]"))
    assert second.tcp(22) == "refused"


def test_leaving_out_is_not_by_surprise(lab: Lab, knockwork: Knockwork) -> None:
    """All that there is, one that is not there, and a port of a bridge are told."""
    knockwork.declare(CLASSIC % '["!eth*"]')
    assert knockwork.refused("apply") == (
        "knockwork: error: `interfaces` leaves out every interface of this host: `eth0`. Nothing would be "
        "protected. Correct `interfaces`, or allow it with --allow-absent (`allow_absent: true` in Ansible)\n")
    knockwork.declare(CLASSIC % '["!wg0"]')
    told = ["interface `wg0` does not exist: leaving it out has no effect until the interface appears"]
    assert _warnings(knockwork, "validate") == _warnings(knockwork, "apply") == _status(knockwork) == told
    lab.server.ip("link add br0 type bridge")
    lab.server.ip("link set eth0 master br0")
    knockwork.declare(CLASSIC % '["!eth0"]')
    assert _warnings(knockwork, "plan") == [
        "interface `eth0` belongs to `br0`: its packets arrive on `br0`, which is protected. Put \"!br0\" into "
        "`interfaces` if you want to leave it out"]


OWN = """\
knockwork: 1
mode: %s
sequences:
  - {name: outside, knock: [7000, 8000], opens: [22/tcp, 80/tcp, 51820/udp], interfaces: %s%s}
  - {name: inside, knock: [7100, 8100], opens: [22/tcp], interfaces: [lan0]%s}
"""
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


def _shut(mode: str) -> str:
    return "refused" if mode == "gate" else "silent"


@both_modes
@pytest.mark.parametrize("names", ["[eth0]", '["eth*"]', '["!lan0"]', '["!la*", "!wg0"]'])
@pytest.mark.parametrize("more", ["", ", on_expiry: cut", ", prolong: true"])
def test_a_sequence_of_some_interfaces(knockwork: Knockwork, client: Caller, second: Caller, mode: str, names: str,
                                       more: str) -> None:
    """It takes its knocks there alone and opens there alone; the service stays shut elsewhere, unless another
    sequence opens it there."""
    knockwork.apply(OWN % (mode, names, more, more))
    assert not knockwork.differs()
    shut = _shut(mode)
    client.knock(7000, 8000)
    assert (client.tcp(22), client.tcp(80), client.udp(51820)) == ("open", "open", "open")
    session = client.connect(22)
    assert session.works()
    assert (second.tcp(22), second.tcp(80), second.udp(51820)) == (shut, shut, shut)
    second.knock(7100, 8100)
    assert (second.tcp(22), second.tcp(80)) == ("open", shut)
    assert session.works()


@both_modes
def test_its_knocks_elsewhere_are_wrong(knockwork: Knockwork, client: Caller, second: Caller, mode: str) -> None:
    """They fire nothing, and lock their source out as any wrong knock does."""
    knockwork.apply(OWN % (mode, "[eth0]", "", ""))
    second.knock(7000, 8000)
    table = knockwork.table()
    assert not any(table.live(f"{kind}{family}") for kind in ("expected", "holders", "reached") for family in "46")
    assert any(table.live(f"locked{family}") for family in "46")
    assert second.tcp(22) == _shut(mode)
    client.knock(7000, 8000)
    assert client.tcp(22) == "open", "nobody else is locked out"


@both_modes
@pytest.mark.parametrize("names", ["[eth0]", "[]"])
def test_one_source_by_two_interfaces(lab: Lab, knockwork: Knockwork, client: Caller, second: Caller, mode: str,
                                      names: str) -> None:
    """A grant is its source's, and opens by the interfaces of its sequence alone."""
    knockwork.apply(OWN % (mode, names, "", ""))
    client.knock(7000, 8000)
    assert client.tcp(22) == "open"
    by_the_other = Caller(lab.callers, client.source, second.target)
    assert by_the_other.tcp(22) == ("open" if names == "[]" else _shut(mode))


def test_own_interfaces_in_words(knockwork: Knockwork) -> None:
    """Plan, status, explain and graph say them; the table is the same when it is read back."""
    knockwork.apply((OWN % ("gate", "[eth0]", "", "")).replace("[lan0]", '["!lan0"]'))
    said = knockwork.apply((OWN % ("gate", '["eth*"]', "", "")).replace("[lan0]", '["!lan0"]'))
    assert "~ sequence outside: interfaces eth0 → eth*\n" in said

    assert "on eth*" in knockwork.run("graph").stdout
    assert not knockwork.differs()


ABSENT = ("interface `%s` in the sequence outside does not exist: the sequence has no effect there until the "
          "interface appears")


def test_own_interfaces_that_are_absent(lab: Lab, knockwork: Knockwork) -> None:
    """As those of the whole declaration: told wherever it is looked at, by their real names, and of a bridge."""
    knockwork.declare((OWN % ("gate", "[eth0, wg0]", "", "")).replace("[lan0]", "[eth0]"))
    for arguments in ("validate",), ("plan",), ("apply",):
        assert _warnings(knockwork, *arguments) == [ABSENT % "wg0"]
    assert _status(knockwork) == [ABSENT % "wg0"]
    lab.server.ip("link property add dev eth0 altname enp0s31f6")
    knockwork.apply((OWN % ("gate", "[enp0s31f6]", "", "")).replace("[lan0]", '["!wg0"]'))
    assert _status(knockwork) == [
        "interface `wg0` in the sequence inside does not exist: leaving it out has no effect until the interface "
        "appears"]
    lab.server.ip("link add br0 type bridge")
    lab.server.ip("link set eth0 master br0")
    assert _warnings(knockwork, "plan")[1] == (
        "interface `eth0` in the sequence outside belongs to `br0`: its packets arrive on `br0`. Write `br0` instead")
