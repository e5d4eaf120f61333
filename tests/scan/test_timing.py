"""What round trips tell: how many packets a scanner needs to know a port of ours from a closed one.

On a link between two namespaces of one kernel, which is as quiet as a link can be: the figure is a lower bound.
Nothing is asserted of it but that it could be measured. It stands in the table at the end.
"""

import math
import subprocess
from pathlib import Path

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.lab import SERVER

ROUNDS = 2500
CERTAIN = 2.326  # standard deviations on one side of which 99 % lie
SCANNER = "10.77.0.99"  # nobody's address: no kernel answers what comes back to it
DECLARATION = """\
knockwork: 1
mode: {mode}
guards: auto
sequences:
  - {{name: ssh, knock: [{knocks}], opens: [22/tcp, 23/tcp, 24/tcp, 51820/udp, 51830/udp, 51840/udp]}}
"""
CLOSED = (6000, 12345, 33000)
# The last kind are closed ports too: what is said of them is how far the measure can be trusted.
TCP = {"knock": (7000, 8000, 9000), "guard": (6999, 8001, 9001), "protected, listening": (22,),
       "protected": (23, 24), "closed": (5000, 14000, 40000)}
UDP = {"knock": (7000, 8000, 9000), "guard": (6999, 8001, 9001), "protected, listening": (51820,),
       "protected": (51830, 51840), "closed": (5000, 14000, 40000)}


@pytest.fixture(scope="module")
def prober(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The prober, built."""
    program = tmp_path_factory.mktemp("scan") / "timing"
    source = Path(__file__).with_name("timing.cpp")
    subprocess.run(["g++", "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return str(program)


def _mac(lab: Lab, server: bool) -> str:
    host = lab.server if server else lab.callers
    return host.output(["/usr/sbin/ip", "-brief", "link", "show", "dev", "eth0"]).split()[2]


def _measured(lab: Lab, prober: str, probe: str, kinds: dict[str, tuple[int, ...]]) -> dict[int, tuple[float, ...]]:
    """Port → samples, mean, deviation; nothing where the probe is not answered."""
    ports = [str(port) for group in (CLOSED, *kinds.values()) for port in group]
    lab.server.run(["/usr/sbin/ip", "neigh", "replace", SCANNER, "lladdr", _mac(lab, False), "dev", "eth0"], check=True)
    printed = lab.callers.output([prober, "eth0", SCANNER, _mac(lab, False), SERVER[0], _mac(lab, True), probe,
                                  str(ROUNDS), *ports], timeout=120)
    return {int(port): tuple(map(float, numbers)) for port, *numbers in map(str.split, printed.splitlines())}


def _together(measured: dict[int, tuple[float, ...]], ports: tuple[int, ...]) -> tuple[float, float]:
    """Mean and deviation of one packet, for all ports of a kind."""
    groups = [measured[port] for port in ports]
    total = sum(count for count, _, _ in groups)
    return (sum(count * mean for count, mean, _ in groups) / total,
            math.sqrt(sum(count * deviation ** 2 for count, _, deviation in groups) / total))


@pytest.mark.parametrize("mode,protocol", [("gate", "tcp"), ("stealth", "udp"), ("stealth", "tcp")])
def test_round_trips(lab: Lab, knockwork: Knockwork, prober: str, mode: str, protocol: str,
                     figures: list[str]) -> None:
    """Gate: the reset's round trip. Stealth: that of an answered packet right behind one that is not."""
    kinds = TCP if mode == "gate" else UDP
    knocks = ", ".join(f"{port}/{'tcp' if mode == 'gate' else 'udp'}" for port in kinds["knock"])
    knockwork.apply(DECLARATION.format(mode=mode, knocks=knocks))
    probe = "syn" if mode == "gate" else "echo" if protocol == "udp" else "ack"
    measured = _measured(lab, prober, probe, kinds)
    if not measured and mode == "stealth":
        figures.append(f"{mode}, {probe}: not answered, so nothing is told by it")
        return
    base, spread = _together(measured, CLOSED)
    for kind, ports in kinds.items():
        mean, deviation = _together(measured, ports)
        both = math.hypot(spread, deviation) / math.sqrt(2)
        needed = max(1, (2 * CERTAIN * both / (mean - base)) ** 2) if mean != base else math.inf
        figures.append(f"{mode + ', ' + probe:<16}{kind:<22}{mean - base:>+9.0f}{both:>11.0f}{needed:>12.0f}")
    assert len(measured) == len(CLOSED) + sum(map(len, kinds.values()))
