"""The compiled table against the reference machine: random declarations, random packets, the same outcome."""

import json
import random
from collections.abc import Iterator

import pytest

from bed import Lab
from bed.cli import Knockwork
from bed.packets import TCP_FLAGS, play
from bed.table import Table

PORTS = (7000, 7001, 7003, 7010)  # few, so that sequences meet; 7002 and others are guards
SERVICES = ("22/tcp", "53/udp", "80/tcp", "7002/udp", "60000-60003/udp", "60002-60009/udp", "60002/udp")
SOURCES = 40
LENGTH = 12  # packets of one source
NUMBERS = {"6": "tcp", "17": "udp"}


def declaration(chance: random.Random) -> str:
    """Up to four short sequences over few ports."""
    lines = ["knockwork: 1", f"mode: {chance.choice(['gate', 'gate', 'stealth'])}", "sequences:"]
    for number in range(chance.randint(1, 4)):
        knocks = [f"{chance.choice(PORTS)}/{chance.choice(['tcp', 'udp', 'udp'])}"
                  for _ in range(chance.randint(1, 4))]
        lines += [f"  - name: s{number}", f"    knock: [{', '.join(knocks)}]",
                  f"    opens: [{', '.join(chance.sample(SERVICES, chance.randint(1, 2)))}]",
                  "    step_timeout: 60s", "    open_for: 300s"]
    if chance.random() < 0.5:
        lines.append("wrong_knock: ignore")
    else:
        lines.append(f"guards: {chance.choice(['auto', 'none', '[7002, 7004/udp]'])}")
    return "\n".join(lines) + "\n"


def packets(chance: random.Random, lab: Lab) -> Iterator[tuple[str, str, int, str]]:
    """Packets of many sources, mingled."""
    sources = [address for number in range(1, SOURCES // 2 + 1)
               for address in (f"10.200.1.{number}", f"fd99:0:0:{number:x}::1")]
    for _ in range(SOURCES * LENGTH):
        source = chance.choice(sources)
        kind = chance.choice(["udp"] * 8 + ["syn"] * 4 + sorted(TCP_FLAGS))
        port = chance.choice(PORTS * 4 + (7002, 7004, 22, 53, 60002, 9))
        yield source, lab.client6.target if ":" in source else lab.client.target, port, kind


def traced(knockwork: Knockwork, script: list[tuple[str, str, int, str]]) -> tuple[set[str], set[str]]:
    """What the machine says: grants ("10.200.1.1 22/tcp"), and who is locked out."""
    words = {"udp": "udp", "null": "tcp null", "xmas": "tcp xmas"}
    lines = [f"0s {source} {port}/{words.get(kind, 'tcp ' + kind.replace('-', ','))}"
             for source, _, port, kind in script]
    answer = knockwork.run("trace", "--json", input="\n".join(lines) + "\n")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    grants, locked = set(), set()
    for packet in json.loads(answer.stdout):
        grants |= {f"{packet['source']} {service}" for service in packet["granted"]}
        assert packet["locked_out"] in ("nobody", "source")
        if packet["locked_out"] == "source":
            locked.add(packet["source"].removesuffix("::1"))
    return grants, locked


def live(table: Table) -> tuple[set[str], set[str]]:
    """What the kernel says, the same way."""
    grants = set()
    for family in "46":
        for key in table.live("granted" + family):
            source, protocol, port = key.split(" . ")
            grants.add(f"{source} {port}/{NUMBERS[protocol]}")
        for key in table.live("ranged" + family):
            source, protocol, ends = key.split(" . ")
            first, last = divmod(int(ends, 16), 1 << 16)
            grants.add(f"{source} {first}-{last}/{NUMBERS[protocol]}")
    locked = {key.removesuffix("::") for block in table.blocks
              if block.name in ("locked4", "locked6", "strays4", "strays6") for key in table.live(block.name)}
    return grants, locked


@pytest.mark.parametrize("seed", range(40))
def test_random_packets(lab: Lab, knockwork: Knockwork, seed: int) -> None:
    """The same packets leave the same grants and lockouts in the kernel and in the machine."""
    chance = random.Random(seed)
    while True:  # some are refused: a service that is a knock port, two sequences alike
        knockwork.declare(declaration(chance))
        if knockwork.run("validate").returncode == 0:
            break
    knockwork.apply()
    script = list(packets(chance, lab))
    lab.callers.call(play, script)
    assert live(knockwork.table()) == traced(knockwork, script)
