"""What the packets of a capture would have done: captures of every kind of link, written here byte by byte."""

import json
import struct
from dataclasses import dataclass

import pytest

from bed import packets, tokens
from bed.cli import Knockwork

KEY = bytes(range(32))
DECLARATION = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp, 8000/tcp, 9000/udp], opens: [22/tcp]}
  - {name: alice, token: {port: 41873, key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}, opens: [443/tcp]}
"""
SERVER, CLIENT = {4: "192.0.2.1", 6: "2001:db8::1"}, {4: "198.51.100.7", 6: "2001:db8:7::7"}
BEGAN = 1_769_860_800
SYN, ACK, RST = 2, 16, 4


def segment(source: str, target: str, ports: tuple[int, int], flags: int = SYN) -> bytes:
    """An IP packet with a TCP segment."""
    return packets.whole_ip_packet(source, target, 6, packets.tcp_segment(source, target, *ports, flags))


def udp(port: int, payload: bytes = b"", family: int = 4, source: str = "") -> bytes:
    """An IP packet to the server."""
    body = packets.udp_datagram(source or CLIENT[family], SERVER[family], 40000, port, payload)
    return packets.whole_ip_packet(source or CLIENT[family], SERVER[family], 17, body)


def tcp(port: int, flags: int = SYN, back: bool = False) -> bytes:
    """The same of a segment; `back`, from the server."""
    if back:
        return segment(SERVER[4], CLIENT[4], (port, 40000), flags)
    return segment(CLIENT[4], SERVER[4], (40000, port), flags)


@dataclass
class Link:
    """A kind of link, and what stands before the IP packet on it."""

    number: int
    head: bytes

    def capture(self, *frames: tuple[float, bytes]) -> bytes:
        """A file of libpcap, pcap-savefile(5)."""
        file = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, self.number)
        for at, packet in frames:
            frame = self.head + packet
            file += struct.pack("<IIII", BEGAN + int(at), int(at % 1 * 1e6), len(frame), len(frame)) + frame
        return file


ETHERNET = Link(1, bytes(12) + b"\x08\x00")
LINKS = {"ethernet": ETHERNET, "vlan": Link(1, bytes(12) + b"\x81\x00\x00\x05\x08\x00"), "raw": Link(101, b""),
         "cooked": Link(113, bytes(14) + b"\x08\x00"), "cooked2": Link(276, b"\x08\x00" + bytes(18)),
         "loopback": Link(0, b"\x02\x00\x00\x00")}


def trace(knockwork: Knockwork, file: bytes, *options: str,
          declaration: str = DECLARATION) -> list[dict[str, object]]:
    """What became of each packet."""
    knockwork.declare(declaration)
    knockwork.host.call("write", "/run/capture", file, 0o600)
    done = knockwork.run("trace", "--json", "--pcap", "/run/capture", *options)
    assert done.returncode == 0, done.stderr
    told: list[dict[str, object]] = json.loads(done.stdout)
    return told


HOSTS = ("--host", SERVER[4], "--host", SERVER[6])


@pytest.mark.parametrize("link", LINKS)
def test_knocks_open(link: str, knockwork: Knockwork) -> None:
    file = LINKS[link].capture((0, udp(7000)), (0.5, tcp(8000)), (1, udp(9000)), (1.25, tcp(22)))
    told = trace(knockwork, file, *HOSTS)
    assert [(each["time_ms"], each["packet"]) for each in told] == [
        (0, "7000/udp"), (500, "8000/tcp"), (1000, "9000/udp"), (1250, "22/tcp")]
    assert told[-1]["verdict"] == "accepted"


def test_ipv6(knockwork: Knockwork) -> None:
    file = Link(101, b"").capture((0, udp(7000, family=6)), (1, udp(9000, family=6)))
    told = trace(knockwork, file, *HOSTS)
    assert [each["source"] for each in told] == [CLIENT[6]] * 2 and told[1]["wrong"]


def test_what_had_begun_is_left_out(knockwork: Knockwork) -> None:
    """A session is one packet of the trace: its SYN. A refusal is no answer that begins something."""
    file = ETHERNET.capture((0, tcp(8000)), (0.1, tcp(8000, RST | ACK, back=True)), (0.2, tcp(8000)),
                            (1, tcp(80)), (1.1, tcp(80, SYN | ACK, back=True)), (1.2, tcp(80, ACK)),
                            (1.3, tcp(80, ACK)), (2, b"no packet at all"), (3, udp(53, source="192.0.2.1")))
    knockwork.declare(DECLARATION)
    told = trace(knockwork, file, *HOSTS)
    assert [each["packet"] for each in told] == ["8000/tcp", "8000/tcp", "80/tcp"]
    assert "6 packets were left out" in knockwork.run("trace", "--pcap", "/run/capture", *HOSTS).stderr


def test_tokens(knockwork: Knockwork) -> None:
    """By their bytes: a good one opens, its replay and one of another day do not."""
    good = tokens.token(KEY, BEGAN // 15, 0, 15000)
    old = tokens.token(KEY, BEGAN // 15 - 5760, 0, 15000)
    file = ETHERNET.capture((0, udp(41873, old)), (1, udp(41873, good + bytes(40))), (2, tcp(443)),
                            (3, udp(41873, good)))
    told = trace(knockwork, file, *HOSTS)
    assert [each["token_used"] for each in told] == [False, True, False, False]
    assert told[2]["verdict"] == "accepted" and "token=alice:1" in str(told[3]["packet"])


ADDRESSED = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [7000/udp], opens: [22/tcp]}
  - {name: web, knock: [8000/tcp], opens: [443/tcp], to: [192.0.2.2, 203.0.113.0/24]}
"""


def test_services_with_to(knockwork: Knockwork) -> None:
    """Which address a packet is for, of this host or behind it, decides about services with `to`."""
    second, behind = "192.0.2.2", "203.0.113.10"
    hosts = (*HOSTS, "--host", second)
    file = ETHERNET.capture(
        (0, segment(CLIENT[4], second, (40000, 443))), (1, segment(CLIENT[4], behind, (40001, 443))),
        (1.1, segment(CLIENT[4], SERVER[4], (40002, 443))), (1.2, segment(CLIENT[4], behind, (40003, 80))),
        (2, tcp(8000)), (3, segment(CLIENT[4], second, (40004, 443))),
        (4, segment(CLIENT[4], behind, (40005, 443))), (4.1, segment(behind, CLIENT[4], (443, 40005), SYN | ACK)),
        (4.2, segment(CLIENT[4], behind, (40005, 443), ACK)))
    told = trace(knockwork, file, *hosts, declaration=ADDRESSED)
    assert [(each["packet"], each["verdict"]) for each in told] == [
        ("443/tcp to=192.0.2.2", "rejected"), ("443/tcp unicast to=203.0.113.10", "rejected"),
        ("443/tcp", "passed on"), ("8000/tcp", "rejected"), ("443/tcp to=192.0.2.2", "accepted"),
        ("443/tcp unicast to=203.0.113.10", "accepted")]


def test_of_this_host(knockwork: Knockwork) -> None:
    """Its own addresses are the default; where none is met, the error says what to do."""
    knockwork.declare(DECLARATION)
    knockwork.host.call("write", "/run/capture", ETHERNET.capture((0, udp(7000))), 0o600)
    assert "--host ADDRESS" in knockwork.refused("trace", "--pcap", "/run/capture")
    assert '"nope" is not an address' in knockwork.refused("trace", "--pcap", "/run/capture", "--host", "nope")


def test_what_is_no_capture(knockwork: Knockwork) -> None:
    knockwork.declare(DECLARATION)
    knockwork.host.write("/run/capture", "no capture\n" * 10)
    assert "cannot read the capture" in knockwork.refused("trace", "--pcap", "/run/capture", *HOSTS)
    assert "No such file" in knockwork.refused("trace", "--pcap", "/run/nothing", *HOSTS)
    knockwork.host.call("write", "/run/capture", Link(147, b"").capture((0, udp(7000))), 0o600)
    assert "a link of type 147" in knockwork.refused("trace", "--pcap", "/run/capture", *HOSTS)
    knockwork.host.call("write", "/run/capture", ETHERNET.capture((0, udp(7000)))[:-20], 0o600)
    assert "cannot read the capture" in knockwork.refused("trace", "--pcap", "/run/capture", *HOSTS)
    knockwork.host.call("write", "/run/capture", ETHERNET.capture((0, udp(7000)), (1, udp(9000)))[:-20], 0o600)
    done = knockwork.run("trace", "--pcap", "/run/capture", *HOSTS)
    assert done.returncode == 0 and "the packets before that follow" in done.stderr and "7000/udp" in done.stdout


def test_what_no_stack_would_take(knockwork: Knockwork) -> None:
    """Fragments, lengths that cannot be, another protocol of the link, a clock that was wrong: left out."""
    whole = udp(7000)
    fragment, short, odd = bytearray(whole), bytearray(whole), bytearray(tcp(8000))
    fragment[6] |= 0x20
    short[24:26] = b"\0\0"
    odd[32] = 4 << 4
    file = ETHERNET.capture((0, whole), (1, bytes(fragment)), (2, bytes(short)), (3, bytes(odd)), (4e7, whole))
    assert [each["packet"] for each in trace(knockwork, file, *HOSTS)] == ["7000/udp"]
    told = Link(1, bytes(12) + b"\x88\xb5").capture((0, whole))
    knockwork.host.call("write", "/run/capture", told, 0o600)
    assert "no packet of /run/capture" in knockwork.refused("trace", "--pcap", "/run/capture", *HOSTS)
