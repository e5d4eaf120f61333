"""Inside a VRF, whose addresses are local by its own routing table: all that the gate promises elsewhere."""

import json
import socket
from collections.abc import Iterator, Sequence

import pytest

from bed import Caller
from bed.cli import Knockwork
from bed.lab import CLIENT, SERVER, STRANGER
from bed.router import BEHIND, Router
from neighbours.addresses import in_vrf, vrf_missing
from neighbours.asking import Question, are_open

DECLARATION = """\
knockwork: 1
mode: {mode}
{keys}sequences:
  - {{name: ssh, knock: [7000, 8000], opens: [22/tcp, 51821/udp], open_for: 10m{more}}}
"""
DOORS = ("22/tcp", "51821/udp")
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


@pytest.fixture
def lab() -> Iterator[Router]:
    """A router with a management VRF. Skips where this kernel has none."""
    with Router() as made:
        if missing := vrf_missing(made):
            pytest.skip(missing)
        in_vrf(made)
        yield made


def _text(mode: str, keys: str = "", more: str = "") -> str:
    return DECLARATION.format(mode=mode, keys=keys, more=more)


def _both(lab: Router, sources: Sequence[str] = CLIENT) -> list[Caller]:
    return [Caller(lab.callers, *pair) for pair in zip(sources, SERVER)]


def _doors(caller: Caller) -> list[str]:
    answers = caller.host.call(are_open, [Question(caller.source, caller.target, door) for door in DOORS])
    return [door for door, answer in zip(DOORS, answers) if answer]


def _warnings(knockwork: Knockwork, *arguments: str) -> list[str]:
    done = knockwork.run(*arguments)
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("warning: ") for line in done.stderr.splitlines()]


def _locked(knockwork: Knockwork, *kinds: str) -> set[str]:
    table = knockwork.table()
    there = {block.name for block in table.blocks}
    names = {f"{kind}{family}" for kind in kinds for family in "46"} & there
    return {source for name in names for source in table.live(name)}


@both_modes
@pytest.mark.parametrize("names", ["[eth0]", '["eth*"]', "[eth0, mgmt]", '["!eth1"]'])
def test_interfaces_with_a_member(lab: Router, knockwork: Knockwork, mode: str, names: str) -> None:
    """A member's name stands for what comes in by it, as without a VRF."""
    knockwork.apply(_text(mode, f"interfaces: {names}\n"))
    assert not knockwork.differs() and not _warnings(knockwork, "plan")
    for caller in _both(lab):
        assert _doors(caller) == []
        caller.knock(7000, 8000, gap=0.05)
        assert _doors(caller) == list(DOORS)
    assert [_doors(caller) for caller in _both(lab, STRANGER)] == [[], []]
    behind = Caller(lab.behind, BEHIND[0], "10.88.0.1")
    assert (behind.tcp(22) == "open") == (names != '["eth*"]')


@both_modes
@pytest.mark.parametrize("names", ['["!eth0"]', "[eth1]"])
def test_a_member_that_is_left_out(lab: Router, knockwork: Knockwork, mode: str, names: str) -> None:
    """Nothing is protected on it, and no knock counts."""
    knockwork.apply(_text(mode, f"interfaces: {names}\n"))
    for caller in _both(lab):
        assert _doors(caller) == list(DOORS) and caller.tcp(80) == "open"
        caller.knock(7000, 8000, 7001)
    assert not _locked(knockwork, "locked", "holders")
    assert Caller(lab.behind, BEHIND[0], "10.88.0.1").tcp(22) != "open"


@both_modes
def test_the_vrf_for_its_members(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """Its name alone shuts the services, and a warning says where knocks arrive."""
    knockwork.declare(_text(mode, "interfaces: [mgmt]\n"))
    told = ["interface `mgmt` is the VRF of `eth0`: its packets arrive on `eth0`, where no knock counts. Put `eth0` "
            "into `interfaces`"]
    for arguments in ("validate",), ("plan",), ("apply",):
        assert _warnings(knockwork, *arguments) == told
    assert json.loads(knockwork.run("status", "--json").stdout)["warnings"] == told
    for caller in _both(lab):
        assert _doors(caller) == []
        caller.knock(7000, 8000, gap=0.05)
        assert _doors(caller) == []


@both_modes
def test_a_sequence_of_some_interfaces(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """One with a member of the VRF opens by it alone; one of another interface does nothing there."""
    knockwork.apply(_text(mode, more=", interfaces: [eth0]")
                    + "  - {name: inside, knock: [7100, 8100], opens: [22/tcp], interfaces: [eth1]}\n")
    assert not _warnings(knockwork, "plan")
    for caller in _both(lab):
        caller.knock(7000, 8000, gap=0.05)
        assert _doors(caller) == list(DOORS)
    for caller in _both(lab, STRANGER):
        caller.knock(7100, 8100, gap=0.05)
        assert _doors(caller) == []
    by_the_other = Caller(lab.behind, BEHIND[0], "10.88.0.1")
    by_the_other.knock(7100, 8100, gap=0.05)
    assert by_the_other.tcp(22) == "open"


@both_modes
def test_wrong_knocks_count(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """A guard between two knocks locks out, and so does any other port in stealth."""
    guards = "" if mode == "stealth" else "guards: [7500/tcp]\n"
    knockwork.apply(_text(mode, guards))
    for caller in _both(lab):
        caller.knock(7000, "7500/tcp", 8000, gap=0.05)
        assert _doors(caller) == []
    assert {source for source in _locked(knockwork, "locked", "strays") if ":" not in source} == {CLIENT[0]}
    assert len(_locked(knockwork, "locked", "strays")) == 2


@both_modes
def test_a_sweep_opens_nothing(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """Of every port in ascending order."""
    knockwork.apply(_text(mode))
    for caller in _both(lab):
        caller.sweep(range(6990, 8020))
        assert _doors(caller) == []
    assert not _locked(knockwork, "holders")


@both_modes
def test_cut(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """A connection ends with its grant."""
    knockwork.apply(_text(mode, more=", on_expiry: cut"))
    for caller in _both(lab):
        caller.knock(7000, 8000, gap=0.05)
        session = caller.connect(22)
        flow: int = lab.callers.call("open_flow", caller.source, caller.target, 51821)
        assert session.works() and lab.callers.call("exchange", flow, b"still here?\n", 2)
        lab.server.nft("".join(f"flush set inet knockwork granted{family}\n" for family in "46"))  # it expires
        assert not session.works(1) and not lab.callers.call("exchange", flow, b"still here?\n", 1)


@both_modes
def test_revoke(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """A connection ends with a revocation, also a datagram's whose server goes on speaking."""
    knockwork.apply(_text(mode))
    for caller in _both(lab):
        caller.knock(7000, 8000, gap=0.05)
        session = caller.connect(22)
        flow: int = lab.callers.call("open_flow", caller.source, caller.target, 51821)
        assert session.works() and lab.callers.call("exchange", flow, b"still here?\n", 2)
        assert knockwork.run("revoke", "--sequence", "ssh").returncode == 0
        assert not session.works(1) and not lab.callers.call("exchange", flow, b"still here?\n", 1)
        own = lab.callers.call("local_port", flow)
        for _ in range(3):
            lab.server.call("say", 51821, caller.source, own, b"news")
            assert not lab.callers.call("exchange", flow, b"still here?\n", 0.5)


def test_public_on_the_vrf(lab: Router, knockwork: Knockwork) -> None:
    """Services are delivered on the VRF: its name opens them, a member's is told to open nothing."""
    knockwork.apply(_text("stealth", "public: [{service: 80/tcp, interface: mgmt}]\n"))
    assert not _warnings(knockwork, "plan")
    for caller in _both(lab):
        assert caller.tcp(80) == "open"
    assert not _locked(knockwork, "strays")
    knockwork.declare(_text("stealth", "public: [{service: 80/tcp, interface: eth0}]\n"))
    assert _warnings(knockwork, "plan") == [
        "interface `eth0` in `public` belongs to `mgmt`: its packets arrive on `mgmt`, where the entry opens nothing. "
        "Write `mgmt` instead"]


@both_modes
@pytest.mark.parametrize("device", ["", "mgmt"])
def test_nobody_hears_knocks(lab: Router, knockwork: Knockwork, device: str, mode: str) -> None:
    """A socket at a knock port gets none, and what the VRF forwards goes on."""
    lab.server.sysctl("net.ipv4.udp_l3mdev_accept", 1)
    lab.server.ip("link set eth1 master mgmt", "addr replace fd88::1/64 dev eth1 nodad")
    lab.server.call("listen_udp", 7000, (), device)
    lab.server.call("listen_tcp", 8000, False, device)
    lab.behind.call("listen_udp", 7000)
    lab.behind.call("listen_tcp", 8000)
    shut = "refused" if mode == "gate" else "silent"
    knockwork.apply(_text(mode).replace("8000", "8000/tcp"))
    for caller in _both(lab):
        through = lab.through(caller)
        assert (through.udp(7000), through.tcp(8000)) == ("open", "open")
        caller.knock(7000, gap=0.05)
        assert caller.tcp(8000) == shut
        assert _doors(caller) == list(DOORS)
    assert lab.server.call("heard", 7000) == []


def _connects(target: str, port: int) -> bool:
    """From the VRF, as `ip vrf exec mgmt` makes a program do."""
    with socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET) as handle:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"mgmt")
        handle.settimeout(1)
        return handle.connect_ex((target, port)) == 0


@both_modes
def test_the_host_itself(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """What it sends to its own address in a VRF arrives on the VRF, as anybody's; `always_allow` lets it in."""
    knockwork.apply(_text(mode))
    assert [lab.server.call(_connects, target, 22) for target in SERVER] == [False, False]
    knockwork.apply(_text(mode, f'always_allow: ["{SERVER[0]}", "{SERVER[1]}"]\n'))
    assert [lab.server.call(_connects, target, 22) for target in SERVER] == [True, True]
    assert [_doors(caller) for caller in _both(lab)] == [[], []]
