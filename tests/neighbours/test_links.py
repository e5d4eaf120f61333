"""Links above and beside eth0: a second interface, VLAN, macvlan, vxlan. Without `interfaces` all are protected;
with it, those that it names."""

from collections.abc import Iterator

import pytest

from bed import Caller
from bed.cli import Knockwork
from bed.lab import SERVER
from bed.router import BEHIND, Router
from bed.waiting import wait_for
from neighbours.asking import Question, are_open

DECLARATION = """\
knockwork: 1
mode: {mode}
{interfaces}sequences:
  - {{name: ssh, knock: [7000, 8000], opens: [22/tcp, 51820/udp], open_for: 2s}}
"""
DOORS = ("22/tcp", "51820/udp")
LINKS = {"vlan": "link eth0 type vlan id 10", "macvlan": "link eth0 type macvlan mode bridge",
         "vxlan": "type vxlan id 7 dev eth0 remote {peer} dstport 4789"}


@pytest.fixture
def lab() -> Iterator[Router]:
    """A router without neighbours."""
    with Router() as made:
        yield made


@pytest.fixture(params=LINKS)
def link(request: pytest.FixtureRequest, lab: Router) -> list[Caller]:
    """A caller by each family on a link of this kind. Skips where this kernel has no such link."""
    lab.server.sysctl("net.ipv4.conf.all.arp_ignore", 1)  # eth0 does not answer for the link's address
    for host, number, peer in ((lab.server, 1, "10.77.0.20"), (lab.callers, 2, "10.77.0.10")):
        words = LINKS[request.param].format(peer=peer).split()
        done = host.run(["/usr/sbin/ip", "link", "add", "over", *words])
        if "Unknown device type" in done.stderr:
            pytest.skip(f"this kernel has no {request.param}")
        assert done.returncode == 0, done.stderr
        host.ip("link set over up", f"addr add 10.79.0.{number}/24 dev over",
                f"addr add fd79::{number}/64 dev over nodad")
    callers = [Caller(lab.callers, "10.79.0.2", "10.79.0.1"), Caller(lab.callers, "fd79::2", "fd79::1")]
    for caller in callers:
        wait_for(lambda: caller.tcp(80) == "open", "the link carries packets")
    return callers


def _doors(caller: Caller) -> list[str]:
    answers = caller.host.call(are_open, [Question(caller.source, caller.target, door) for door in DOORS])
    return [door for door, answer in zip(DOORS, answers) if answer]


@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_a_link_over_another(lab: Router, knockwork: Knockwork, link: list[Caller], mode: str) -> None:
    """Protected by default; its own interface, not the one below it, decides where `interfaces` is given."""
    knockwork.apply(DECLARATION.format(mode=mode, interfaces="public: [4789/udp]\n" if mode == "stealth" else ""))
    for caller in link:
        assert _doors(caller) == []
        caller.knock(7000, 8000, gap=0.02)
        assert _doors(caller) == list(DOORS)
    public = "public: [4789/udp]\n" if mode == "stealth" else ""
    knockwork.apply(DECLARATION.format(mode=mode, interfaces=public + "interfaces: [eth0]\n"))
    for caller in link:
        wait_for(lambda: _doors(caller) == list(DOORS), "the other link is nobody's business")
        assert caller.tcp(80) == "open"
    assert _doors(lab.client) == _doors(lab.client6) == []
    knockwork.apply(DECLARATION.format(mode=mode, interfaces=public + "interfaces: [over]\n"))
    assert _doors(lab.client) == _doors(lab.client6) == list(DOORS)
    for caller in link:
        wait_for(lambda: _doors(caller) == [], "the earlier grant expires")


@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_a_second_interface(lab: Router, knockwork: Knockwork, mode: str) -> None:
    """From behind, to either address of this host: the interface where a packet comes in decides."""
    near = [Caller(lab.behind, BEHIND[0], "10.88.0.1"), Caller(lab.behind, BEHIND[1], "fd88::1")]
    far = [Caller(lab.behind, BEHIND[0], SERVER[0]), Caller(lab.behind, BEHIND[1], SERVER[1])]

    def all_are(doors: tuple[str, ...]) -> bool:
        return ([_doors(caller) for caller in near] == [list(doors)] * 2
                and {caller.tcp(22) == "open" for caller in far} == {bool(doors)})

    knockwork.apply(DECLARATION.format(mode=mode, interfaces=""))
    assert all_are(())
    for caller in near:
        caller.knock(7000, 8000, gap=0.02)
    assert all_are(DOORS)
    wait_for(lambda: all_are(()), "the grants expire")
    knockwork.apply(DECLARATION.format(mode=mode, interfaces="interfaces: [eth0]\n"))
    assert all_are(DOORS)
    assert _doors(lab.client) == _doors(lab.client6) == []
    outwards = Caller(lab.behind, BEHIND[0], "10.77.0.20")
    lab.callers.call("listen_tcp", 4000)
    assert outwards.tcp(4000) == "open"
