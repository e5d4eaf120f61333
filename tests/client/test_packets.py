"""What the client puts on the wire, and when."""

import json
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bed import Caller, Lab
from bed.cli import Knockwork
from bed.host import Host
from bed.lab import CLIENT, SERVER, STRANGER

SEQUENCE = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp, 8000/tcp, 9000/udp], opens: [22/tcp], step_timeout: 1s}
"""
KNOCKS = ("7000/udp", "8000/tcp", "9000/udp")
PORTS = (7000, 8000, 9000)


@dataclass(frozen=True)
class Packet:
    """A TCP or UDP packet to or from the server."""

    outgoing: bool
    source: str
    port: int  # the server's
    flags: str  # of TCP; "udp"


def read(incoming: bool, frame: bytes) -> Packet | None:
    """nothing for what is neither TCP nor UDP."""
    six = frame[0] >> 4 == 6
    header, protocol = (40, frame[6]) if six else ((frame[0] & 15) * 4, frame[9])
    if protocol not in (6, 17):
        return None
    ends = (frame[8:24], frame[24:40]) if six else (frame[12:16], frame[16:20])
    ports = struct.unpack("!HH", frame[header:header + 4])
    flags = "udp"
    if protocol == 6:
        bits = frame[header + 13]
        flags = "".join(name for name, bit in (("S", 2), ("A", 16), ("F", 1), ("R", 4)) if bits & bit)
    source = ends[0] if not incoming else ends[1]
    text = ":".join(f"{source[at]:02x}{source[at + 1]:02x}" for at in range(0, 16, 2)) if six \
        else ".".join(map(str, source))
    return Packet(not incoming, text, ports[0 if incoming else 1], flags)


def wire(host: Host, action: Callable[[], object], settle: float = 0.0) -> list[Packet]:
    """What passes the host's eth0 meanwhile."""
    capture: int = host.call("start_capture", "eth0")
    action()
    frames: list[tuple[bool, bytes]] = host.call("stop_capture", capture, settle)
    return [packet for packet in (read(*frame) for frame in frames) if packet]


@pytest.fixture(params=["ipv4", "ipv6"])
def client(request: pytest.FixtureRequest, lab: Lab) -> Caller:
    """Who knocks, by either family."""
    return lab.client if request.param == "ipv4" else lab.client6


@pytest.mark.parametrize("silent", [False, True], ids=["answered", "unanswered"])
def test_one_syn_for_each_tcp_knock(lab: Lab, client: Caller, silent: bool) -> None:
    """However the port answers, and also where it does not: a socket that stayed would send again after 1 s."""
    if silent:
        lab.server.nft("table inet x { chain i { type filter hook input priority 0; tcp dport 7000-9000 drop; }; }")
    run = lab.callers.run
    seen = wire(lab.callers, lambda: run(Knockwork(lab.callers).command(
        "knock", client.target, "7000/tcp", "8000/udp", "9000/tcp"), check=True), settle=1.5)
    assert [(each.port, each.flags) for each in seen if each.outgoing] \
        == [(7000, "S"), (8000, "udp"), (9000, "S")]
    assert [(each.port, each.flags) for each in seen if not each.outgoing] \
        == ([] if silent else [(7000, "AR"), (9000, "AR")])


def test_an_open_port_is_knocked_on_quietly(lab: Lab, client: Caller) -> None:
    """Whether its answer finds the socket or not: one SYN, then a reset, and nothing lingers on either side."""
    command = Knockwork(lab.callers).command("knock", client.target, "80/tcp")
    seen = wire(lab.callers, lambda: lab.callers.run(command, check=True), settle=1.2)
    ours = [each.flags for each in seen if each.outgoing]
    assert [each.flags for each in seen if not each.outgoing] == ["SA"]
    assert ours[0] == "S" and ours[-1] in ("R", "AR") and set(ours[1:-1]) <= {"A"}, seen


@pytest.mark.parametrize("option, source", [
    (("--source", STRANGER[0]), STRANGER[0]), (("--interface", "eth0"), CLIENT[0]),
    (("--source", "10.200.3.4", "--interface", "eth0"), "10.200.3.4")])
def test_where_packets_come_from(lab: Lab, server: Knockwork, option: tuple[str, ...], source: str) -> None:
    """A source or an interface of one's choice, for knocks and connections, as nobody in particular."""
    server.apply(SEQUENCE)
    nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
              "--bounding-set=-all"]
    theirs = "/run/bin/knockwork"
    lab.callers.run(["install", "-D", "-m", "755", Knockwork(lab.callers).command()[0], theirs], check=True)
    seen = wire(lab.callers, lambda: lab.callers.run(
        [*nobody, theirs, "knock", SERVER[0], *KNOCKS, "--wait-open", "22", *option], check=True))
    assert {each.source for each in seen} == {source}


@pytest.mark.parametrize("lost", PORTS)
@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_a_lost_knock(lab: Lab, server: Knockwork, client: Caller, mode: str, lost: int) -> None:
    """Whichever is dropped on the way, once: it is sent again before it can make the next one a wrong knock."""
    server.apply(f"mode: {mode}\n{SEQUENCE}")
    lab.server.nft("table inet loss { set gone { type inet_service; flags dynamic; size 8; }\n chain pre {"
                   f" type filter hook prerouting priority -400; th dport {lost} th dport != @gone"
                   " add @gone { th dport } drop; }; }")
    profiled(lab, server, client.target)
    done = lab.callers.run(Knockwork(lab.callers).command("knock", client.target, "--json"), check=True)
    assert done.stdout == (f'{{"outcome":"open","host":"{client.target}","address":"{client.target}",'
                           f'"addresses":["{client.target}"],"sequence":"ssh","rounds":1,"message":null}}\n')


def profiled(lab: Lab, server: Knockwork, host: str) -> None:
    """Give the callers the profile of the server."""
    profile = server.host.output(server.command("export", "--host", host))
    lab.callers.write("/root/.config/knockwork/hosts.yml", profile, 0o600)


def sent(lab: Lab, *arguments: str) -> list[tuple[int, str]]:
    """The port and flags of each packet that a run of `knock` sends."""
    command = Knockwork(lab.callers).command("knock", *arguments)
    seen = wire(lab.callers, lambda: lab.callers.run(command, check=True), settle=0.4)
    return [(each.port, each.flags) for each in seen if each.outgoing]


def test_answered_knocks_are_sent_once(lab: Lab, server: Knockwork, client: Caller) -> None:
    """And nothing waits: two delays of old would have been 100 ms. The proof ends before it is a connection."""
    server.apply(SEQUENCE)
    profiled(lab, server, client.target)
    knocks = [(7000, "udp"), (8000, "S"), (9000, "udp")]
    packets = sent(lab, client.target)
    assert packets[:4] == [*knocks, (22, "S")] and [flags for _, flags in packets[4:]] in (["R"], ["AR"]), packets
    assert sent(lab, client.target, "--no-prove") == knocks


def test_unanswered_knocks_are_sent_three_times(lab: Lab, server: Knockwork, client: Caller) -> None:
    """Of a profile alone: another gate could take copies for wrong knocks."""
    server.apply(f"mode: stealth\n{SEQUENCE}")
    profiled(lab, server, client.target)
    expected = [(7000, "udp")] * 3 + [(8000, "S")] * 3 + [(9000, "udp")] * 3
    assert sent(lab, client.target, "--no-prove") == expected
    assert sent(lab, client.target, *KNOCKS) == [(7000, "udp"), (8000, "S"), (9000, "udp")]


def test_both_families(lab: Lab, server: Knockwork) -> None:
    """Of a name with both: one is let in by one knock, and the other with --both. `connect` is let in by the address
    that it knocked at."""
    lab.callers.write("/etc/hosts", f"127.0.0.1 localhost\n{SERVER[0]} gate\n{SERVER[1]} gate\n")
    lab.callers.write("/etc/nsswitch.conf", "hosts: files\n")
    server.apply(SEQUENCE.replace("step_timeout: 1s", "step_timeout: 1s, open_for: 1s"))
    profiled(lab, server, "gate")
    callers = (lab.client, lab.client6)
    run = Knockwork(lab.callers)
    done = json.loads(lab.callers.output(run.command("knock", "gate", "--json")))
    assert {caller.target: caller.tcp(22) for caller in callers} \
        == {caller.target: "open" if caller.target == done["address"] else "refused" for caller in callers}
    time.sleep(1.3)
    assert lab.callers.output(run.command("knock", "gate", "--both")) == f"gate ({', '.join(SERVER)}): open\n"
    assert [caller.tcp(22) for caller in callers] == ["open", "open"]
    time.sleep(1.3)
    seen = wire(lab.callers, lambda: lab.callers.run(run.command("connect", "gate", "22")))
    assert len({each.source for each in seen}) == 1 and {each.port for each in seen} == {*PORTS, 22}


def test_the_last_retry_waits_the_lockout_out(lab: Lab, server: Knockwork) -> None:
    """It is not sent before the lockout has passed since the last knock, by the kernel's clock; nor more of them than
    were asked for."""
    server.apply(SEQUENCE.replace("7000/udp", "7001/udp"))  # the client's sequence is out of date
    lab.callers.write("/root/.config/knockwork/hosts.yml", f"knockwork: 1\nhosts:\n  - host: {SERVER[0]}\n"
                      "    lockout: 700ms\n    sequences: [{name: ssh, knock: [7000], opens: [22/tcp]}]\n", 0o600)
    lab.callers.nft("table inet times {\n counter sent { }\n counter early { }\n"
                    " set locked { type inet_service; flags dynamic,timeout; timeout 700ms; size 8; }\n"
                    " chain out { type filter hook output priority 0; meta l4proto != udp accept;"
                    " udp dport != 7000 accept;"
                    ' counter name "sent"; udp dport @locked counter name "early"; update @locked { udp dport }; }; }')
    done = lab.callers.run(Knockwork(lab.callers).command(
        "knock", SERVER[0], "--wait-open", "22", "--retries", "1", "--timeout", "300ms"))
    assert done.returncode == 3
    listing = lab.callers.output(["/usr/sbin/nft", "list", "counters", "table", "inet", "times"])
    counts = dict(re.findall(r"counter (\w+) \{\s*packets (\d+)", listing))
    assert counts == {"sent": "2", "early": "0"}


def test_delay_and_jitter(lab: Lab) -> None:
    """At least the delay between two knocks; jitter only adds to it."""
    began = time.monotonic()
    lab.callers.run(Knockwork(lab.callers).command(
        "knock", SERVER[0], *KNOCKS, "--delay", "300ms", "--jitter", "100ms"), check=True)
    assert time.monotonic() - began >= 0.6
