"""Packets that leave every kind of trace in a gate: grants, half-done knocks, lockouts, used tokens."""
from __future__ import annotations

import time
from dataclasses import dataclass

from bed import Lab, packets
from bed.lab import SERVER
from bed.table import parse

import gate
import table
from declarations import NAMES

_UDP, _TCP = 17, 6


@dataclass(frozen=True)
class Callers:
    """Who has to do with one sequence: of each pair, an IPv4 and an IPv6 source."""

    granted: tuple[str, str]
    half_done: tuple[str, str]
    locked: tuple[str, str]


def callers(name: str) -> Callers:
    """Those of a sequence by its name in the table: networks apart from one another."""
    plain, _, epoch = name.partition("#")
    number = 4 * NAMES.index(plain) + int(epoch or 0) % 4

    def pair(role: int) -> tuple[str, str]:
        return f"10.200.{16 * role + number}.7", f"fd99:0:0:{16 * role + number}::7"
    return Callers(pair(1), pair(2), pair(3))


@dataclass(frozen=True)
class Left:
    """What was sent: by sequence its callers, and the token that each granted one has used."""

    callers: dict[str, Callers]
    tokens: dict[str, tuple[bytes, int]]


def send(lab: Lab, listing: str, ports: dict[str, int]) -> Left:
    """Through the table as listed; `ports` are those of tokens, by the sequence's name."""
    here = parse(listing)
    given = table.tokens(here)
    known = table.tracks(here)
    left = Left({name: callers(name) for name in sorted(known)}, {})
    for name, each in left.callers.items():
        steps = known[name]
        if steps[0].port == 0:
            able = given.get(steps[0].edge, [])
            if able and name in ports:
                left.tokens[name] = (able[0], ports[name])
                lab.callers.call(send_token, each.granted[0], ports[name], able[0])
            continue
        knocks = [(step.protocol, step.port) for step in steps]
        lab.callers.call(knock, [(source, knocks) for source in each.granted]
                         + [(source, knocks[:-1]) for source in each.half_done]
                         + [(source, [(_TCP, 5555), knocks[-1]]) for source in each.locked])
    lab.callers.call(connect, [(source, port) for each in list(left.callers.values())[:2] for source in each.granted
                               for port in (22, 8002)])
    return left


def knock(what: list[tuple[str, list[tuple[int, int]]]]) -> None:
    """Runs on the callers' host: knocks (protocol, port) from each source."""
    packets.play([(source, SERVER[":" in source], port, "syn" if protocol == _TCP else "udp")
                  for source, knocks in what for protocol, port in knocks])
    time.sleep(0.002)


def send_token(source: str, port: int, token: bytes) -> None:
    """Runs on the callers' host."""
    packets.raw_udp(SERVER[":" in source], port, source, payload=token)
    time.sleep(0.002)


def connect(what: list[tuple[str, int]]) -> None:
    """Runs on the callers' host: connections, which end at once."""
    for source, port in what:
        packets.tcp(SERVER[":" in source], port, source)
