"""Declarations that together use every feature, and scripts for each: what mutants are tried with."""

import random
from dataclasses import dataclass, replace

from model.declaration import ALLOWED, Declaration, Sequence
from model.script import Script, any_script
from model.tokens import with_token_packets

_BEHIND = ("10.77.0.11", "10.88.0.0/24", "fd77::11", "fd88::/64")  # and at the server's second addresses; sorted
_PLACE = ("10.88.0.7", "fd88::7")
_BEGINNING = 0.6  # seconds of a script that is hurried …
_TIMES = 10  # … so much
_FROM = ("10.200.0.0/17", "fd99::/58")


def _sequence(name: str, knock: str, opens: str, **options: object) -> Sequence:
    plain = Sequence(name, tuple(knock.split()), tuple(opens.split()), step_timeout=300, open_for=300,
                     sequence_timeout=None, sources=())
    return replace(plain, **options)


def _declaration(mode: str, *sequences: Sequence, **options: object) -> Declaration:
    plain = Declaration(mode, refuse=None, public=(), always_allow=(), wrong_knock=None, lockout=None, guards=None,
                        sources=None, ipv4_prefix=None, ipv6_prefix=None, log=None, sequences=sequences)
    return replace(plain, **options)


DECLARATIONS = {
    "gate": _declaration(
        "gate",
        _sequence("alice", "7000/udp 7003/tcp 7002/udp", "22/tcp 60000-60010/udp"),
        _sequence("zoe", "7002/udp 7004/udp", "", closes="alice", open_for=0),
        _sequence("bob", "7002/udp 7002/udp 7004/udp", "443/tcp", sources=_FROM, once=True, sequence_timeout=400),
        _sequence("carol", "7001/tcp 7003/tcp", "22/tcp", to=_BEHIND),
        _sequence("erin", "", "51820/udp", token="30000/udp", step_timeout=0),
        always_allow=ALLOWED, ipv6_prefix=64, log="grants"),
    "cut": _declaration(
        "gate",
        _sequence("alice", "7000/udp 7002/udp", "22/tcp 51820/udp 6000-6003/tcp", cut=True),
        _sequence("bob", "7001/udp 7002/udp", "443/tcp", cut=True, to=_PLACE),
        _sequence("abel", "", "60000-60010/udp", cut=True, once=True, token="7005/udp", step_timeout=0),
        refuse="reject", ipv6_prefix=64, sources=4096, interfaces=("eth0",)),
    "prolong": _declaration(
        "gate",
        _sequence("alice", "7000/udp 7002/udp", "22/tcp 60005/udp", prolong=True),
        _sequence("bob", "7001/udp 7000/udp", "60000-60010/udp", prolong=True, open_for=200),
        _sequence("dave", "7000/udp 7003/tcp", "443/tcp", prolong=True, cut=True, to=_PLACE),
        wrong_knock="ignore", refuse="drop", ipv6_prefix=64),
    "stealth": _declaration(
        "stealth",
        _sequence("alice", "7000/udp 7003/tcp", "22/tcp 60000-60010/udp"),
        _sequence("bob", "7001/tcp 7003/tcp", "443/tcp", to=_BEHIND),
        _sequence("erin", "", "51820/udp", token="30000/udp", step_timeout=0),
        public=("80/tcp", "81-83/tcp", "8000-8003/udp"), always_allow=ALLOWED, log="all", ipv6_prefix=64),
    "prefixes": _declaration(
        "stealth",
        _sequence("alice", "7000/udp 7003/tcp", "22/tcp 6000-6003/tcp", cut=True),
        public=("80-83/tcp",), refuse="reject", lockout=500, interfaces=("!eth1",), ipv4_prefix=24, ipv6_prefix=56),
}


@dataclass(frozen=True)
class Case:
    """What a mutant meets, the quickest first."""

    declaration: Declaration
    scripts: tuple[Script, ...]


def case(name: str, scripts: int) -> Case:
    """With that many scripts."""
    declaration = DECLARATIONS[name]
    return Case(declaration, tuple(_script(declaration, seed) for seed in range(scripts)))


def _script(declaration: Declaration, seed: int) -> Script:
    dice = random.Random(seed)
    knocked = replace(declaration, sequences=tuple(one for one in declaration.sequences if one.knock))
    script = with_token_packets(dice, declaration, any_script(dice, knocked))
    return script if seed % 3 == 2 else hurried(script)


def hurried(script: Script) -> Script:
    """Its beginning, in which nothing expires, so that it is over soon."""
    beginning = [packet for packet in script.packets if packet.at < _BEGINNING]
    return replace(script, packets=tuple(replace(packet, at=packet.at / _TIMES) for packet in beginning))


def renumbered(script: Script, turn: int) -> Script:
    """From other ports: what the turns before have left behind does not matter."""
    def port(old: int) -> int:
        first, end = (2000, 20000) if old < 20000 else (20000, 60000)
        return first + (old - first + turn * 1009) % (end - first)

    return replace(script, packets=tuple(
        replace(packet, source_port=port(packet.source_port)) if packet.source_port else packet
        for packet in script.packets))
