"""Ways around a knock that conntrack, TCP or a neighbour offer: none of them leads in."""

import time

import pytest

from bed import Caller, Lab, packets, trickery
from bed.cli import Knockwork
from bed.waiting import wait_for

GATE = """\
knockwork: 1
mode: {mode}
sequences:
  - name: all
    knock: [7000/udp, 8000/udp, 9000/udp]
    opens: [22/tcp, 51820/udp]
    open_for: {time}
"""
CLOSED = ("refused", "silent")
both_modes = pytest.mark.parametrize("mode", ["gate", "stealth"])


@both_modes
@pytest.mark.parametrize("protocol, port", [("tcp", 22), ("udp", 51820)])
def test_a_forged_connection_of_the_server(lab: Lab, knockwork: Knockwork, mode: str, protocol: str,
                                           port: int) -> None:
    """A router that forwards a packet in its own name holds an entry of which the attacker's is the reply."""
    client = lab.client
    lab.server.sysctl("net.ipv4.ip_forward", 1)
    for name in ("all", "eth0"):
        lab.server.sysctl(f"net.ipv4.conf.{name}.accept_local", 1)
        lab.server.sysctl(f"net.ipv4.conf.{name}.rp_filter", 0)
    assert client.tcp(80) == "open"  # the neighbour's link address is known
    knockwork.apply(GATE.format(mode=mode, time="1s"))
    lab.callers.nft("table inet mute { chain c { type filter hook output priority 0; "
                    "tcp flags & rst == rst drop; } ; }")
    lab.callers.call(trickery.plant, client.target, client.target, port, client.source, 40001, protocol)
    if protocol == "tcp":
        came = lab.callers.call(trickery.come_again, client.source, 40001, client.target, port, 0.0)
        assert came == (False, False)
        return
    lab.server.call("heard", port)
    lab.callers.call(packets.raw_udp, client.target, port, client.source, 40001, b"no knock")
    time.sleep(0.3)
    heard: list[tuple[str, bytes]] = lab.server.call("heard", port)
    assert (client.source, b"no knock") not in heard


@both_modes
def test_a_connection_that_was_reset(lab: Lab, knockwork: Knockwork, mode: str) -> None:
    """Its port of before brings nobody in again once the grant is over: a SYN is a new connection."""
    client = lab.client
    lab.server.call(trickery.serve_resetting, 2222)
    knockwork.apply(GATE.format(mode=mode, time="500ms").replace("22/tcp", "2222/tcp"))
    client.knock(7000, 8000, 9000)
    assert lab.callers.call(trickery.come_again, client.source, 40100, client.target, 2222, 0.8) == (True, False)


@pytest.mark.parametrize("mode, refuse", [("gate", "auto"), ("gate", "drop"), ("stealth", "auto")])
def test_a_syn_cookie(lab: Lab, knockwork: Knockwork, mode: str, refuse: str) -> None:
    """An ACK with the right cookie is a connection where the host sends cookies: not at a protected port."""
    client = lab.client
    lab.server.sysctl("net.ipv4.tcp_syncookies", 2)
    lab.callers.nft("table inet mute { chain c { type filter hook output priority 0; "
                    "tcp flags & rst == rst drop; } ; }")
    cookies = [lab.callers.call(trickery.take_cookie, client.source, port, client.target, 22, 1000)
               for port in (45000, 45001)]
    client.segment(22, "ack", source_port=45000, sequence=1001, acknowledge=cookies[0] + 1)
    wait_for(lambda: _is_connected(lab, 45000), "a cookie is a connection without a gate")
    knockwork.apply(GATE.format(mode=mode, time="1s") + f"refuse: {refuse}\n")
    client.segment(22, "ack", source_port=45001, sequence=1001, acknowledge=cookies[1] + 1)
    time.sleep(0.3)
    assert not _is_connected(lab, 45001)


def _is_connected(lab: Lab, port: int) -> bool:
    sockets = lab.server.output(["ss", "-Htn", "state", "established"])
    return f":{port} " in sockets.replace("\n", " \n")


@pytest.mark.parametrize("mode, refuse", [("gate", "auto"), ("gate", "drop"), ("stealth", "auto")])
def test_an_expectation(lab: Lab, knockwork: Knockwork, mode: str, refuse: str) -> None:
    """What another table's helper expects opens no protected port."""
    client = lab.client
    lab.server.nft("""table inet helper {
        ct expectation announced { protocol tcp; dport 22; timeout 1m; size 12; l3proto ip; }
        chain out { type filter hook output priority 0; udp sport 9 ct expectation set "announced"
        }
    }""")
    knockwork.apply(GATE.format(mode=mode, time="1s") + f"refuse: {refuse}\n")
    lab.server.call(packets.raw_udp, client.source, 4000, client.target, 9)
    assert client.tcp(22) in CLOSED


def test_knocks_reach_no_listener(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Whoever listens on a knock port hears nobody knock, and the answer is a closed port's."""
    lab.server.call("listen_udp", 7000)
    lab.server.call("listen_tcp", 8000)
    knockwork.apply(GATE.format(mode="gate", time="5s").replace("8000/udp", "8000/tcp"))
    assert client.tcp(8000) == "refused"  # out of turn, and answered by the host
    time.sleep(5.1)  # until the lockout is over
    client.knock(7000)
    assert client.tcp(8000) == "refused"
    client.knock(9000)
    assert client.tcp(22) == "open"
    assert not lab.server.call("heard", 7000)


def test_one_wrong_knock_costs_one_lockout(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Who knocks right again and again is in one lockout after the wrong knock, however often he tried."""
    knockwork.apply(GATE.format(mode="gate", time="5s") + "lockout: 5s\n")
    client.knock(7000, 9000)  # wrong
    began = time.monotonic()
    while client.tcp(22) != "open":
        client.knock(7000, 8000, 9000)
        assert time.monotonic() - began < 7
        time.sleep(0.4)


def test_a_late_copy_is_not_wrong(lab: Lab, knockwork: Knockwork, client: Caller) -> None:
    """Some stacks send a refused SYN again after half a second and a second."""
    knockwork.apply(GATE.format(mode="gate", time="5s").replace("    opens", "    step_timeout: 300ms\n    opens"))
    client.knock(7000, 8000)
    time.sleep(0.5)
    client.knock(8000)  # the copy, when nobody expects it any more
    client.knock(7000, 8000, 9000)
    assert client.tcp(22) == "open"
