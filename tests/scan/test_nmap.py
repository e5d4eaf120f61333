"""nmap sees no difference between a knock or guard port and its neighbours, nor a service and a closed port."""

import xml.etree.ElementTree as ElementTree

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.lab import SERVER

DECLARATION = """\
knockwork: 1
mode: {mode}
sequences:
  - name: ssh
    knock: [7000/tcp, 8000/udp, 9000/tcp]
    opens: [22/tcp, 80/tcp, 51820/udp]
"""
# Knock ports, guards, their neighbours, protected services that listen, and closed ports far from all.
TCP = (22, 80, 21, 23, 79, 81, 6998, 6999, 7000, 7001, 7002, 8998, 8999, 9000, 9001, 9002, 443, 3306, 5432, 31337)
UDP = (51820, 51819, 51821, 7997, 7998, 7999, 8000, 8001, 8002, 8003, 53, 67, 123, 161, 500, 1900, 4500, 5353,
       11211, 31337)
SCANS = {"connect": ("-sT", TCP), "syn": ("-sS", TCP), "ack": ("-sA", TCP), "udp": ("-sU", UDP),
         "fin": ("-sF", TCP), "null": ("-sN", TCP), "xmas": ("-sX", TCP), "window": ("-sW", TCP)}


def _scan(lab: Lab, option: str, ports: tuple[int, ...], six: bool) -> dict[int, tuple[str, ...]]:
    """Port → its state, the reason, and the answer's TTL. nmap answers for ports in groups: ask for each."""
    listed = ",".join(map(str, ports))
    words = ["nmap", *(["-6"] if six else []), "-Pn", "-n", "-d", "--max-retries", "1", "--min-rate", "200",
             "--max-rtt-timeout", "200ms", "--disable-arp-ping", "-e", "eth0", option, "-p", listed, "-oX", "-",
             SERVER[six]]
    root = ElementTree.fromstring(lab.callers.output(words, timeout=120))
    found = {}
    for port in root.iter("port"):
        state = port.find("state")
        assert state is not None
        found[int(port.get("portid", ""))] = tuple(state.get(key, "") for key in ("state", "reason", "reason_ttl"))
    return found


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_nmap(lab: Lab, knockwork: Knockwork, scan: str, mode: str, six: bool) -> None:
    """20 named ports, one answer."""
    option, ports = SCANS[scan]
    knockwork.apply(DECLARATION.format(mode=mode))
    found = _scan(lab, option, ports, six)
    assert found.keys() == set(ports)
    assert len(set(found.values())) == 1, found


def test_nmap_sees_what_is_open(lab: Lab, knockwork: Knockwork) -> None:
    """Without the gate it tells the ports apart: the comparison means something."""
    found = _scan(lab, "-sS", TCP, False)
    assert {port for port, answer in found.items() if answer[0] == "open"} == {22, 80}
