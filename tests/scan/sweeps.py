"""Orders in which a scanner goes through all ports, and what the reference machine says of them."""

import json
import random
from collections.abc import Sequence

from bed.cli import Knockwork

EVERY_PORT = range(1, 65536)


def ascending() -> list[int]:
    """1, 2, 3 …"""
    return list(EVERY_PORT)


def descending() -> list[int]:
    """65535, 65534 …"""
    return list(reversed(EVERY_PORT))


def stride(step: int) -> list[int]:
    """1, 1 + step …, then 2, 2 + step …"""
    return [port for first in range(1, step + 1) for port in range(first, 65536, step)]


def shuffled(seed: int) -> list[int]:
    """Any order."""
    ports = list(EVERY_PORT)
    random.Random(seed).shuffle(ports)
    return ports


def opened(knockwork: Knockwork, source: str) -> list[str]:
    """The sequences by which a source is in, says the kernel."""
    grants = json.loads(knockwork.run("status", "--json").stdout)["grants"]
    return sorted(grant["sequence"] for grant in grants if grant["source"] == source)


def machine(knockwork: Knockwork, declaration: str, order: Sequence[int], protocol: str, gap: float,
            relevant: frozenset[int]) -> list[str]:
    """The sequences that a sweep with `gap` seconds between packets opens, says the machine.

    `relevant` ports alone are asked about: to all others nothing happens in gate mode.
    """
    lines = [f"{number * gap:.3f}s 192.0.2.1 {port}/{protocol}\n"
             for number, port in enumerate(order) if port in relevant]
    knockwork.host.write("/run/sweep.yml", declaration, 0o600)
    done = knockwork.run("trace", "/run/sweep.yml", "--json", input="".join(lines), timeout=120)
    assert done.returncode == 0, done.stderr
    return sorted({fired["sequence"] for packet in json.loads(done.stdout) for fired in packet["fired"]
                   if fired["step"] == fired["of"]})
