"""Byte for byte: no answer tells a knock, guard or protected port from a closed one."""

from collections.abc import Iterator

import pytest

from bed import Lab, packets
from bed.capture import Probe, Reply, ask
from bed.cli import Knockwork
from bed.lab import SERVER

DECLARATION = """\
knockwork: 1
mode: {mode}
sequences:
  - name: ssh
    knock: [7000/tcp, 8000/udp, 9000/tcp]
    opens: [22/tcp, 80/tcp, 51820/udp]
  - name: web
    knock: [7100/tcp]
    opens: [2000-2100/tcp, 3000-3010/udp]
  - name: alice
    token: {{port: 8500, key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}}
    opens: [4022/tcp]
"""
CLOSED = 6000
PORTS = {"tcp": {"closed": CLOSED, "a knock port": 7000, "a guard port": 6999, "beyond the guard": 6998,
                 "protected and listening": 22, "protected, another": 80, "protected range": 2050},
         "udp": {"closed": CLOSED, "a knock port": 8000, "a guard port": 8001, "beyond the guard": 8002,
                 "protected and listening": 51820, "protected range": 3005,
                 "a token port": 8500, "beside a token port": 8501}}
SYN, ACK, FIN, RST = packets.SYN, packets.ACK, packets.FIN, packets.RST
PSH, URG, ECE, CWR = 0x08, 0x20, 0x40, 0x80
SEGMENTS = {"SYN": SYN, "FIN": FIN, "NULL": 0, "XMAS": FIN | PSH | URG, "ACK": ACK, "FIN+ACK": FIN | ACK,
            "SYN+ACK": SYN | ACK, "RST": RST, "RST+ACK": RST | ACK, "URG": URG, "PSH": PSH,
            "SYN+FIN": SYN | FIN, "SYN+RST": SYN | RST, "SYN+ECE+CWR": SYN | ECE | CWR, "all": 0x3F}
TRAFFIC_CLASSES = (0, 0x10, 0xB8, 0x03)
_source_ports = iter(range(1024, 60000, 16))


def _probes(port: int, protocol: str) -> Iterator[tuple[str, Probe]]:
    for name, flags in SEGMENTS.items() if protocol == "tcp" else {"datagram": None}.items():
        for traffic_class in TRAFFIC_CLASSES:
            for label in (0, 0x12345):
                yield f"{name} {traffic_class:#x} {label:#x}", Probe(port, flags, traffic_class, label)


def _answers(lab: Lab, six: bool, protocol: str, port: int) -> dict[str, Reply | None]:
    """Each probe from a source port of its own; a whole address for each port, so nothing is remembered."""
    named = dict(_probes(port, protocol))
    source = f"fd99::{port:x}" if six else f"10.200.{port >> 8}.{port & 255}"
    replies = lab.callers.call(ask, source, SERVER[six], list(named.values()), next(_source_ports) + 1000)
    return dict(zip(named, replies))


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_ports_answer_alike(lab: Lab, knockwork: Knockwork, mode: str, protocol: str, six: bool) -> None:
    """Every flag, TOS, flow label; also TTL, window, numbers: all that a closed port answers."""
    bare = _answers(lab, six, protocol, CLOSED)
    knockwork.apply(DECLARATION.format(mode=mode))
    answers = {what: _answers(lab, six, protocol, port) for what, port in PORTS[protocol].items()}
    different = [f"{what}: {probe}: {reply} instead of {answers['closed'][probe]}"
                 for what, replies in answers.items() for probe, reply in replies.items()
                 if reply != answers["closed"][probe]]
    assert not different, "\n".join(different)
    if mode == "gate":  # nor does the gate itself change what a closed port says to what stacks send
        odd = ("FIN ", "NULL", "XMAS", "URG", "PSH", "SYN+FIN")
        changed = [probe for probe, reply in bare.items()
                   if reply != answers["closed"][probe] and not probe.startswith(odd)]
        assert not changed
        assert any(bare.values())


@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_many_ports_from_one_source_port(lab: Lab, knockwork: Knockwork, six: bool) -> None:
    """As scanners do it: the refused connections of one source port each have their answer."""
    knockwork.apply(DECLARATION.format(mode="gate"))
    ports = [22, 80, *range(2000, 2101), CLOSED, 6001]
    replies = lab.callers.call(ask, "fd99::77" if six else "10.200.7.7", SERVER[six],
                               [Probe(port, SYN) for port in ports], 33333, 0)
    assert [port for port, reply in zip(ports, replies) if reply is None] == []
    assert len(set(replies)) == 1
