"""Stealth beside what is neither TCP nor UDP: keepalived, OSPF, tunnels, ping."""

import socket
import struct
from collections.abc import Iterator

import pytest

from bed import packets
from bed.cli import Knockwork
from bed.host import Host
from bed.lab import CLIENT, SERVER
from bed.router import Router

NUMBERS = {"igmp": 2, "gre": 47, "esp": 50, "ah": 51, "ospf": 89, "vrrp": 112}
GROUPS = {"vrrp": "224.0.0.18", "ospf": "224.0.0.5"}
SEQUENCES = "sequences:\n  - {name: ssh, knock: [7000, 8000], opens: [22/tcp]}\n"


@pytest.fixture
def lab() -> Iterator[Router]:
    """A router without neighbours."""
    with Router() as made:
        yield made


def send_protocol(source: str, target: str, number: int) -> None:
    """Three packets of an IP protocol; run inside a host."""
    with packets.raw_socket(target) as handle:
        for _ in range(3):
            handle.sendto(packets.ip_packet(source, target, number, bytes(24)), (target, 0))


def _heard(lab: Router, name: str) -> int:
    """How many of three packets the server takes, to itself and, of routing daemons, to their group."""
    ears: int = lab.server.call("listen_protocol", NUMBERS[name])
    lab.callers.call(send_protocol, CLIENT[0], SERVER[0], NUMBERS[name])
    if name in GROUPS:
        lab.callers.call(send_protocol, CLIENT[0], GROUPS[name], NUMBERS[name])
    return int(lab.server.call("heard_protocol", ears))


def ping(target: str, number: int) -> bool:
    """Whether an echo request is answered within half a second (RFC 792, RFC 4443); run inside a host."""
    six = ":" in target
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
    with socket.socket(family, socket.SOCK_RAW, protocol) as handle:
        handle.settimeout(0.5)
        if six:  # the kernel computes the checksum
            request, answered = struct.pack("!BBHHH", 128, 0, 0, number, 1), struct.pack("!BB", 129, 0)
        else:
            request, answered = struct.pack("!BBHHH", 8, 0, 0xFFFF - 0x0800 - number - 1, number, 1), b"\0\0"
        handle.sendto(request, (target, 0))
        try:
            while not handle.recv(100)[0 if six else 20:].startswith(answered):
                pass
        except TimeoutError:
            return False
    return True


_numbers = iter(range(1, 1000))  # each echo is a connection of its own to conntrack


def _pings(host: Host, target: str) -> bool:
    return bool(host.call(ping, target, next(_numbers)))


@pytest.mark.parametrize("name", NUMBERS)
def test_a_public_protocol(lab: Router, knockwork: Knockwork, name: str) -> None:
    """Dropped unless declared; then taken, by its name and by its number; others stay out."""
    lab.callers.ip("route add 224.0.0.0/4 dev eth0")
    lab.server.ip(*(f"addr add {group} dev eth0 autojoin" for group in GROUPS.values()))
    everything = _heard(lab, name)
    assert everything >= 3
    knockwork.apply(f"knockwork: 1\nmode: stealth\n{SEQUENCES}")
    assert _heard(lab, name) == 0
    knockwork.apply(f"knockwork: 1\nmode: stealth\npublic: [{name}]\n{SEQUENCES}")
    assert _heard(lab, name) == everything
    other = "gre" if name != "gre" else "esp"
    assert _heard(lab, other) == 0
    assert lab.client.tcp(22) == "silent"


def test_ping(lab: Router, knockwork: Knockwork) -> None:
    """Answered in stealth by default, and not with `ping: no`."""
    assert [_pings(lab.callers, target) for target in SERVER] == [True] * 2
    for words, answered in (("", True), ("ping: no\n", False)):
        knockwork.apply(f"knockwork: 1\nmode: stealth\n{words}{SEQUENCES}")
        assert [_pings(lab.callers, target) for target in SERVER] == [answered] * 2
    assert _pings(lab.server, CLIENT[0]) and _pings(lab.server, CLIENT[1])
