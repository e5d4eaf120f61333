"""What a grant opens, how a protected port refuses, and whom stealth lets in."""

import time

import pytest

from bed import Caller, Lab, packets
from bed.cli import Knockwork
from bed.waiting import wait_for

RANGE = """\
knockwork: 1
sequences:
  - name: mosh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [60000-60010/udp]
"""
PORTS = (60000, 60005, 60010)


def test_a_range_opens_whole(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """A grant for a range opens its first, middle and last port, and nothing beside it was ever shut."""
    for port in (59999, *PORTS, 60011):
        lab.server.call("listen_udp", port)
    knockwork.apply(RANGE)
    assert [client.udp(port) for port in PORTS] == ["refused"] * 3
    assert [client.udp(port) for port in (59999, 60011)] == ["open"] * 2
    client.knock(7000, 8000, 9000)
    assert [client.udp(port) for port in PORTS] == ["open"] * 3
    assert [stranger.udp(port) for port in PORTS] == ["refused"] * 3


OVERLAPPING = """\
knockwork: 1
sequences:
  - name: low
    knock: [7000/udp, 8000/udp]
    opens: [60000-60005/udp]
  - name: high
    knock: [7100/udp, 8100/udp]
    opens: [60003-60010/udp]
  - name: one
    knock: [7200/udp, 8200/udp]
    opens: [60004/udp]
"""


@pytest.mark.parametrize("knocks, opened", [
    ((7000, 8000), {60000, 60003, 60004, 60005}),
    ((7100, 8100), {60003, 60004, 60005, 60006, 60010}),
    ((7200, 8200), {60004}),
])
def test_overlapping_ranges(lab: Lab, knockwork: Knockwork, client: Caller, knocks: tuple[int, int],
                            opened: set[int]) -> None:
    """Ranges that overlap, and a port inside them, each open exactly what they name."""
    ports = (60000, 60003, 60004, 60005, 60006, 60010)
    for port in ports:
        lab.server.call("listen_udp", port)
    knockwork.apply(OVERLAPPING)
    client.knock(*knocks)
    assert {port for port in ports if client.udp(port) == "open"} == opened


GATE = """\
knockwork: 1
refuse: {refuse}
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp, 51820/udp]
"""


@pytest.mark.parametrize("refuse, answer", [("auto", "refused"), ("reject", "refused"), ("drop", "silent")])
def test_refuse(lab: Lab, knockwork: Knockwork, client: Caller, refuse: str, answer: str) -> None:
    """A protected service refuses as declared: in gate mode by default as a closed port does."""
    knockwork.apply(GATE.format(refuse=refuse))
    assert (client.tcp(22), client.udp(51820)) == (answer, answer)
    assert (client.tcp(80), client.tcp(81), client.udp(81)) == ("open", "refused", "refused")
    client.knock(7000, 8000, 9000)
    assert (client.tcp(22), client.udp(51820)) == ("open", "open")


STEALTH = """\
knockwork: 1
mode: stealth
public: [80/tcp]
always_allow: [10.77.0.30, "fd77::30"]
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp, 51820/udp]
"""


def test_stealth(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Stealth: closed, knock and protected ports are silent, public ones open, the always allowed come in."""
    knockwork.apply(STEALTH)
    assert client.tcp(80) == "open"
    assert (stranger.tcp(22), stranger.udp(51820)) == ("open", "open")
    client.knock(7000, 8000, 9000)
    assert (client.tcp(22), client.udp(51820), client.tcp(80)) == ("open", "open", "open")


@pytest.mark.parametrize("source", ["10.200.4.{}", "fd99:0:0:{}::1"])
def test_stealth_is_silent(lab: Lab, knockwork: Knockwork, source: str) -> None:
    """No port that is not public answers, be it closed, a knock, a guard or protected."""
    knockwork.apply(STEALTH)
    ports = (22, 81, 6999, 7000, 7001)
    callers = [lab.caller(source.format(number)) for number, _ in enumerate(ports, 1)]
    got = [(caller.tcp(port, 0.15), caller.udp(port, 0.15)) for caller, port in zip(callers, ports)]
    assert got == [("silent", "silent")] * len(ports)


def test_stealth_locks_out_who_tries_ports(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """In stealth every port that is neither protected nor public is a wrong knock."""
    knockwork.apply(STEALTH)
    client.knock("81/udp", 7000, 8000, 9000)
    assert client.tcp(22) == "silent"


def test_stealth_keeps_ipv6_alive(lab: Lab, knockwork: Knockwork) -> None:
    """Neighbour discovery works both ways in stealth, for global and link-local addresses."""
    knockwork.apply(STEALTH)
    for _ in range(2):
        for host in (lab.server, lab.callers):
            host.ip("neigh flush all")
        assert lab.client6.tcp(80, timeout=3) == "open"
    for host in (lab.server, lab.callers):
        host.ip("neigh flush all")
    lab.callers.call("listen_tcp", 2222)
    ask = f"exec 3<>/dev/tcp/{lab.client6.source}/2222 && echo up >&3 && read -t 5 -u 3 x && echo $x"
    assert lab.server.run(["bash", "-c", ask]).stdout == "up\n"


def test_stealth_lets_the_server_ask(lab: Lab, knockwork: Knockwork) -> None:
    """Answers to what the server itself sent come back in stealth."""
    lab.callers.call("listen_udp", 5353)
    knockwork.apply(STEALTH)
    for address in (lab.client.source, lab.client6.source):
        assert lab.server.call(packets.probe_udp, address, 5353, None, 3) == "open"


def test_always_allowed_in_gate(lab: Lab, knockwork: Knockwork, client: Caller, stranger: Caller) -> None:
    """Sources of always_allow need no knock, their wrong knocks lock nobody out, and others gain nothing."""
    knockwork.apply(CLASSIC_ALLOW)
    stranger.knock(6999, 9000)
    assert (stranger.tcp(22), client.tcp(22)) == ("open", "refused")


CLASSIC_ALLOW = """\
knockwork: 1
always_allow: [10.77.0.30/32, "fd77::30/128"]
sequences:
  - name: ssh
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp]
"""


@pytest.mark.parametrize("target, source", [("10.77.255.255", "10.77.0.20"), ("239.77.0.1", "10.77.0.20"),
                                            ("255.255.255.255", "10.77.0.20"), ("ff02::1", "fd77::20")])
def test_casts_do_not_pass(lab: Lab, knockwork: Knockwork, target: str, source: str) -> None:
    """Broadcast and multicast reach a protected UDP service only with a grant."""
    lab.server.call("listen_udp", 5000, ("239.77.0.1",))

    def heard() -> list[tuple[str, bytes]]:
        got: list[tuple[str, bytes]] = lab.server.call("heard", 5000)
        return got

    def cast() -> None:
        lab.callers.call(packets.cast_udp, target, 5000, source)

    cast()
    wait_for(heard, "the service hears it while it is not protected")
    knockwork.apply(GATE.format(refuse="auto").replace("51820", "5000"))
    cast()
    assert lab.caller(source).tcp(80) == "open"  # what came before it has been dealt with
    assert heard() == []
    lab.caller(source).knock(7000, 8000, 9000)
    cast()
    wait_for(heard, "the service hears it with a grant")


@pytest.mark.parametrize("target, source", [("224.0.0.1", "10.77.0.20"), ("10.77.255.255", "10.77.0.20"),
                                            ("255.255.255.255", "10.77.0.20"), ("ff02::1", "fd77::20")])
def test_stealth_hides_every_service_from_casts(lab: Lab, knockwork: Knockwork, target: str, source: str) -> None:
    """No sequence names it. Its socket is the only one of its port: early demux finds it for a multicast, too."""
    lab.server.call("listen_udp", 161)
    knockwork.apply(GATE.format(refuse="auto").replace("knockwork: 1", "knockwork: 1\nmode: stealth"))
    time.sleep(1.1)  # the kernel looks for the groups of the link by itself
    for _ in range(3):
        lab.callers.call(packets.cast_udp, target, 161, source)
    assert lab.caller(source).udp(161) == "silent"
    assert lab.server.call("heard", 161) == []
