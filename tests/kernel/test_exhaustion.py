"""Sweeps and full sets: whoever floods the gate closes it, and never opens it."""

import time

import pytest

from bed import Caller, Lab, packets
from bed.cli import Knockwork
from bed.waiting import wait_for

CLASSIC = """\
knockwork: 1
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""
UP = range(1, 65536)
SWEEPS = {"ascending": UP, "descending": UP[::-1], "ascending from the first knock": range(7000, 9001),
          "ascending by 7": [port for first in range(1, 8) for port in range(first, 65536, 7)]}


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_opens_nothing(lab: Lab, knockwork: Knockwork, client: Caller, name: str) -> None:
    """A sweep over UDP ports in any regular order opens nothing, at full speed."""
    knockwork.apply(CLASSIC)
    client.sweep(list(SWEEPS[name]))
    assert client.tcp(22) == "refused"


def test_a_tcp_sweep_opens_nothing(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """An ascending sweep of SYNs opens no sequence of TCP knocks."""
    knockwork.apply(CLASSIC.replace("/udp", "/tcp"))
    client.sweep(list(UP), "tcp")
    assert client.tcp(22) == "refused"


SMALL = """\
knockwork: 1
sources: 16
lockout: 60s
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp, 40000-40010/udp]
    step_timeout: 30s
    open_for: 60s
"""
CROWD = {"4": "10.200.7.{}", "6": "fd99:0:0:{}::1"}


def crowd(lab: Lab, family: str, size: int) -> list[Caller]:
    """Sources of different addresses; by IPv6 of different networks too."""
    return [lab.caller(CROWD[family].format(number)) for number in range(1, size + 1)]


@pytest.mark.parametrize("family", "46")
def test_lockout_set_full(lab: Lab, knockwork: Knockwork, family: str) -> None:
    """With no room to lock anyone out nothing opens, for any source, until there is room again."""
    knockwork.apply(SMALL)
    sources = crowd(lab, family, 40)
    for caller in sources:
        caller.knock(6999)
    assert len(knockwork.table().live("locked" + family)) <= 16
    fresh = sources[-1]
    fresh.sweep(list(range(6990, 9010)))
    assert fresh.tcp(22) == "refused"
    fresh.knock(7000, 8000, 9000)
    assert fresh.tcp(22) == "refused"


def test_lockout_set_full_of_the_other_family(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """A crowd that fills one family's lockouts does not keep the other family out."""
    knockwork.apply(SMALL)
    family = "4" if ":" in client.source else "6"
    for caller in crowd(lab, family, 40):
        caller.knock(6999)
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"


def test_room_again(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Once the lockouts of a crowd have run out, knocking works again."""
    knockwork.apply(SMALL.replace("lockout: 60s", "lockout: 1s").replace("30s", "1s"))
    family = "6" if ":" in client.source else "4"
    for caller in crowd(lab, family, 40):
        caller.knock(6999)

    def knocked() -> bool:
        time.sleep(1.4)  # whoever knocks while locked out stays locked out
        client.knock(7000, 8000, 9000)
        return client.tcp(22) == "open"

    wait_for(knocked, "a knock opens again")


@pytest.mark.parametrize("family", "46")
@pytest.mark.parametrize("full", ["expected", "holders", "granted", "ranged"])
def test_other_sets_full(lab: Lab, knockwork: Knockwork, full: str, family: str) -> None:
    """With any other dynamic set full a sweep and a knock open nothing; with room the knock does."""
    knockwork.apply(SMALL)
    control, fresh, sweeper, later = crowd(lab, family, 4)
    control.knock(7000, 8000, 9000)
    assert control.tcp(22) == "open"
    fill(lab, full + family)
    fresh.knock(7000, 8000, 9000)
    if full != "ranged":  # that one holds no grant of 22
        assert fresh.tcp(22) == "refused"
    lab.server.call("listen_udp", 40005)
    if full == "ranged":
        assert fresh.udp(40005) == "refused"
    sweeper.sweep(list(range(6990, 9010)))
    assert sweeper.tcp(22) == "refused"
    assert sweeper.udp(40005) != "open"  # the sweep has used up what ICMP errors the host sends
    assert control.tcp(22) == "open"
    lab.server.run(["nft", "flush", "set", "inet", "knockwork", full + family], check=True)
    later.knock(7000, 8000, 9000)
    assert (later.tcp(22), later.udp(40005)) == ("open", "open")


TAILS = {"expected": " . 0x1", "holders": " . 0x1", "granted": " . tcp . 1", "ranged": " . tcp . 0x1"}


def fill(lab: Lab, name: str) -> None:
    """Put made-up elements into a dynamic set until it takes no more."""
    base = "203.0.113.$n" if name.endswith("4") else "2001:db8::$n"
    element = f"'{base}'{TAILS[name[:-1]]} timeout 300s"
    script = (f"for n in $(seq 1 40); do nft 'add element inet knockwork {name} {{ {element} }}' 2>/dev/null "
              "&& echo taken; done")
    taken = lab.server.run(["sh", "-c", script]).stdout.count("taken")
    assert taken in range(1, 17)


@pytest.mark.parametrize("change, left", [("ipv4_prefix: 24\nipv6_prefix: 64", (2, 1, 8)),
                                          ("ipv4_prefix: 16\nipv6_prefix: 32", (2, 1, 1)), ("9001", (0, 8, 8))])
def test_apply_with_full_sets(lab: Lab, knockwork: Knockwork, change: str, left: tuple[int, int, int]) -> None:
    """Sources are called otherwise, and half-done knocks forgotten, where there is room for no more."""
    knockwork.apply(SMALL)
    for family in "46":
        for caller in crowd(lab, family, 20):
            caller.knock(7000, 8000, 9000)
        assert len(knockwork.table().live("expected" + family)) == 16  # two of each who got in
    knockwork.apply(SMALL.replace("9000", change) if change == "9001" else f"{SMALL}{change}\n")
    table = knockwork.table()
    assert tuple(len(table.live(name)) for name in ("expected4", "holders4", "holders6")) == left
    assert lab.caller(CROWD["4"].format(1)).tcp(22) == "open"
    assert knockwork.apply().startswith("Unchanged")


def test_revocation_with_full_sets(lab: Lab, knockwork: Knockwork) -> None:
    """Whoever got in while there was no more room is shut out as anybody."""
    knockwork.apply(SMALL)
    sources = crowd(lab, "4", 20)
    for caller in sources:
        caller.knock(7000, 8000, 9000)
    knockwork.run("revoke", "--all", check=True)
    assert not any(knockwork.table().live(name) for name in ("holders4", "granted4", "ranged4", "expected4"))
    assert {caller.tcp(22) for caller in sources} == {"refused"}


def test_less_room_than_before(lab: Lab, knockwork: Knockwork) -> None:
    """With fewer `sources` than there are, all stay for their time; no apply fails."""
    knockwork.apply(SMALL.replace("sources: 16", "sources: 64"))
    sources = crowd(lab, "4", 40)
    for caller in sources:
        caller.knock(7000, 8000, 9000)
    knockwork.apply(SMALL)
    assert len(knockwork.table().live("holders4")) in (16, 32)  # 16: a kernel that alters no size
    assert knockwork.apply().startswith("Unchanged")
    knockwork.apply(SMALL + "ipv4_prefix: 31\n")
    assert len(knockwork.table().live("holders4")) <= 17


def test_a_flood_from_many_sources(lab: Lab, knockwork: Knockwork) -> None:
    """Thousands of spoofed sources half through a sequence open nothing; the other family can knock."""
    knockwork.apply(SMALL.replace("sources: 16", "sources: 1024"))
    sources = [f"10.200.{number >> 8}.{number & 255}" for number in range(4096)]
    lab.callers.call(packets.udp_from_many, lab.client.target, sources, [7000, 8000])
    assert lab.caller(sources[-1]).tcp(22) == "refused"
    assert len(knockwork.table().live("expected4")) <= 1024
    lab.client6.knock(7000, 8000, 9000)
    assert lab.client6.tcp(22) == "open"
