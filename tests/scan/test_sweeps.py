"""Whole sweeps of all 65535 ports: none opens anything but where the reference machine says so.

$KNOCKWORK_SCAN_ROUNDS: how many of each; 2 without it. The long run: KNOCKWORK_SCAN_ROUNDS=20 tests/run scan
"""

import os
import random
from collections.abc import Iterator
from functools import partial

import pytest

from bed import Lab
from bed.cli import Knockwork
from scan import sweeps

ROUNDS = int(os.environ.get("KNOCKWORK_SCAN_ROUNDS") or 2)
STRIDES = (2, 3, 7, 10, 64, 100, 1000, 1024)
ORDERS = {"ascending": sweeps.ascending, "descending": sweeps.descending,
          **{f"stride {step}": partial(sweeps.stride, step) for step in (2, 100, 1009)}}
# What knocking the well-known way is made of: a set for each stage, and no punishment.
CLASSIC = """\
table inet classic {
  set one { type ipv4_addr; flags timeout; size 65535; }
  set two { type ipv4_addr; flags timeout; size 65535; }
  set inside { type ipv4_addr; flags timeout; size 65535; }
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "lo" accept
    ct state established,related accept
    udp dport 7000 add @one { ip saddr timeout 1s }
    udp dport 8000 ip saddr @one add @two { ip saddr timeout 1s }
    udp dport 9000 ip saddr @one ip saddr @two add @inside { ip saddr timeout 60s }
    tcp dport 22 ip saddr @inside accept
    tcp dport 22 drop
  }
}
"""


def _declaration(seed: int, protocol: str, extra: str = "", lengths: tuple[int, ...] = (3, 3, 4, 5)) -> str:
    """Sequences of the one protocol, in any order of ports; grants outlive every sweep."""
    dice = random.Random(seed)
    lines = ["knockwork: 1", *extra.splitlines(), "sequences:"]
    for number, length in enumerate(lengths):
        knocks = ", ".join(f"{port}/{protocol}" for port in dice.sample(range(1024, 60000), length))
        lines += [f"  - name: s{number}", f"    knock: [{knocks}]", "    opens: [22/tcp]",
                  "    open_for: 1h", "    step_timeout: 30s"]
    return "\n".join(lines) + "\n"


def _relevant(declaration: str) -> frozenset[int]:
    words = declaration.replace("[", " ").replace(",", " ").replace("]", " ").split()
    knocks = [int(word.split("/")[0]) for word in words if word.endswith(("/udp", "/tcp")) and word != "22/tcp"]
    return frozenset(port + beside for port in knocks for beside in (-1, 0, 1))


@pytest.fixture(scope="module")
def sources() -> Iterator[str]:
    """A new address for each sweep, so that one's lockout does not shield the next."""
    return (f"10.200.{number >> 8}.{number & 255}" for number in range(256, 65000))


def _sweep(lab: Lab, source: str, order: list[int], protocol: str) -> float:
    """All of it arrives, or the test says nothing: seconds taken."""
    lab.server.nft("table inet count {\n chain count { type filter hook prerouting priority -300;"
                   f" ip saddr {source} {'tcp flags syn' if protocol == 'tcp' else 'meta l4proto udp'} counter"
                   "\n }\n }")
    seconds = lab.caller(source).sweep(order, protocol)
    listing = lab.server.output(["/usr/sbin/nft", "list", "table", "inet", "count"])
    lab.server.nft("delete table inet count")
    assert int(listing.split("packets ")[1].split()[0]) == len(order), "packets were lost on the bed"
    return seconds


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_sweep_opens_nothing(lab: Lab, knockwork: Knockwork, sources: Iterator[str], table: list[str], order: str,
                             protocol: str, number: int) -> None:
    """As fast as the bed allows, on sequences whose knocks rise, fall and jump."""
    declaration = _declaration(number, protocol)
    knockwork.apply(declaration)
    source, ports = next(sources), ORDERS[order]()
    seconds = _sweep(lab, source, ports, protocol)
    inside = sweeps.opened(knockwork, source)
    said = sweeps.machine(knockwork, declaration, ports, protocol, seconds / len(ports), _relevant(declaration))
    table.append(f"{order + ', ' + protocol:<36}{len(ports):>8}{seconds:>9.2f}  {', '.join(inside) or 'nothing':<28}"
                 f"{', '.join(said) or 'nothing'}")
    assert inside == said == []
    assert lab.caller(source).tcp(22) == "refused"


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("mode", ["lockout", "ignore"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_random_sweep(lab: Lab, knockwork: Knockwork, sources: Iterator[str], table: list[str], mode: str,
                      protocol: str, number: int) -> None:
    """Opens exactly what the machine says. Short sequences without guards, so that it opens something."""
    extra = "guards: none" if mode == "lockout" else "wrong_knock: ignore"
    declaration = _declaration(100 + number, protocol, extra, (1, 1, 1, 2, 2, 2, 2, 3, 3))
    knockwork.apply(declaration)
    for seed in range(4 * number, 4 * number + 4):
        source, ports = next(sources), sweeps.shuffled(seed)
        seconds = _sweep(lab, source, ports, protocol)
        inside = sweeps.opened(knockwork, source)
        said = sweeps.machine(knockwork, declaration, ports, protocol, seconds / len(ports),
                              _relevant(declaration))
        table.append(f"{f'random {seed}, {protocol}, {mode}':<36}{len(ports):>8}{seconds:>9.2f}  "
                     f"{', '.join(inside) or 'nothing':<28}{', '.join(said) or 'nothing'}")
        assert inside == said


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_slow_sweeps(knockwork: Knockwork, table: list[str], protocol: str, number: int) -> None:
    """On virtual time: from a thousand a second to one that outwaits every lockout."""
    declaration = _declaration(number, protocol)
    orders = {"ascending": sweeps.ascending(), "descending": sweeps.descending(),
              **{f"stride {step}": sweeps.stride(step) for step in STRIDES}}
    for gap in (0.001, 0.01, 0.1, 1.0, 14.0, 29.0, 31.0):
        for order, ports in orders.items():
            said = sweeps.machine(knockwork, declaration, ports, protocol, gap, _relevant(declaration))
            assert said == [], (gap, order)
        table.append(f"{f'{len(orders)} orders, {protocol}, slow':<36}{len(ports):>8}{gap * len(ports):>9.0f}  "
                     f"{'-':<28}nothing")


def test_equal_distances_fall_to_a_slow_stride(lab: Lab, knockwork: Knockwork, sources: Iterator[str],
                                               table: list[str]) -> None:
    """7000, 8000, 9000: on a stride of 1000 no guard lies between them. A fast sweep is locked out by the guard of
    the residue before; one that lets the lockout pass in between opens, and lint says so."""
    declaration = ("knockwork: 1\nsequences:\n  - {name: classic, knock: [7000/udp, 8000/udp, 9000/udp],"
                   " opens: [22/tcp], open_for: 1h}\n")
    knockwork.apply(declaration)
    source, ports = next(sources), sweeps.stride(1000)
    seconds = _sweep(lab, source, ports, "udp")
    inside = sweeps.opened(knockwork, source)
    relevant = _relevant(declaration)
    said = sweeps.machine(knockwork, declaration, ports, "udp", seconds / len(ports), relevant)
    table.append(f"{'7000, 8000, 9000, stride 1000':<36}{len(ports):>8}{seconds:>9.2f}  "
                 f"{', '.join(inside) or 'nothing':<28}{', '.join(said) or 'nothing'}")
    assert inside == said == []
    slow = sweeps.machine(knockwork, declaration, ports, "udp", 0.1, relevant)
    table.append(f"{'7000, 8000, 9000, stride 1000, slow':<36}{len(ports):>8}{len(ports) * 0.1:>9.0f}  {'-':<28}"
                 f"{', '.join(slow)}")
    assert slow == ["classic"]


def test_classic_example_falls(lab: Lab, knockwork: Knockwork, sources: Iterator[str], table: list[str]) -> None:
    """One ascending sweep opens the well-known way of knocking; the same sweep opens nothing of ours."""
    assert not knockwork.host.run(["/usr/sbin/nft", "list", "ruleset"]).stdout
    lab.server.nft(CLASSIC)
    source = next(sources)
    assert lab.caller(source).tcp(22) == "silent"
    seconds = _sweep(lab, source, sweeps.ascending(), "udp")
    answer = lab.caller(source).tcp(22)
    table.append(f"{'classic example, ascending, udp':<36}{65535:>8}{seconds:>9.2f}  "
                 f"{'22/tcp' if answer == 'open' else 'nothing':<28}-")
    assert answer == "open"
