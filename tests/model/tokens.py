"""Tokens in a script: new ones, replays from anywhere, and what only looks like one."""

import random
from dataclasses import replace

from model.declaration import Declaration, Sequence, with_token_sequences
from model.neighbour import NOWHERE, Translation
from model.script import DURATION, LINK_LOCAL, Packet, Script, Token

_SOURCE_PORTS = range(2000, 20000)  # below those of the other packets
_PADDINGS = (0, 0, 1, 4, 16, 100, 496)
_GOOD = "1764160000-1964160000"  # seconds since 1970
_WITHIN = {"10.88.0.0": "10.88.0.7", "fd88::": "fd88::7", "10.77.0.0": "10.77.0.11"}  # an address of a network


def with_tokens(dice: random.Random, declaration: Declaration, script: Script) -> tuple[Declaration, Script]:
    """Some token sequences more, and packets that carry tokens."""
    declaration = with_token_sequences(dice, declaration)
    return declaration, with_token_packets(dice, declaration, script)


def with_token_packets(dice: random.Random, declaration: Declaration, script: Script) -> Script:
    """With packets that carry tokens, at their times among the others."""
    sequences = [sequence for sequence in declaration.sequences if sequence.token]
    if not sequences:
        return script
    sources = sorted({packet.source for packet in script.packets})
    ports = iter(_SOURCE_PORTS)
    packets = list(script.packets)
    sent: dict[str, list[Token]] = {sequence.name: [] for sequence in sequences}
    now = dice.random() * 0.1
    while now < DURATION:
        sequence = dice.choice(sequences)
        source = dice.choice(sources)
        port, protocol = _any_target(dice, declaration, sequence)
        packet = Packet(now, source, port, protocol, source_port=next(ports),
                        token=_any_token(dice, sent[sequence.name], sequence))
        if source not in LINK_LOCAL:
            packet = replace(packet, begun_there=dice.random() < 0.03)
            packet = replace(packet, forged=not packet.begun_there and dice.random() < 0.03)
        packets.append(packet)
        while dice.random() < 0.1:  # a duplicate
            packets.append(replace(packet, at=packet.at + dice.choice((0, 0.001))))
        if dice.random() < 0.7:
            packets.append(_probe(dice, sequence, source, now + 0.004, next(ports)))
        now += dice.choice((0.001, 0.005, 0.02, 0.05))
    packets.sort(key=lambda packet: packet.at)
    neighbour = script.neighbour
    if declaration.mode == "gate" and not neighbour.ways_out and dice.random() < 0.3:
        neighbour = replace(neighbour, ways_out=(Translation(dice.choice(sequences).token, NOWHERE["udp"]),))
    return replace(script, packets=tuple(packets), neighbour=neighbour)


def _any_token(dice: random.Random, sent: list[Token], sequence: Sequence) -> Token:
    padding = dice.choice((*_PADDINGS, dice.randrange(497)))
    if sent and dice.random() < 0.3:
        return replace(dice.choice(sent), padding=padding)
    token = Token(sequence.name, len(sent) + 1, padding=padding)
    if dice.random() < 0.2:
        return replace(token, spoiled=dice.choice(("shifted", "short", "wrong")))
    sent.append(token)
    return token


def _any_target(dice: random.Random, declaration: Declaration, sequence: Sequence) -> tuple[int, str]:
    """Mostly where its tokens go; else where another's go, or no token."""
    knocks = [knock for knock in sorted(declaration.knocks) if knock.endswith("udp")]
    targets = [sequence.token] * 12 + sorted(declaration.tokens) + knocks[:1]
    port, _, protocol = dice.choice(targets).partition("/")
    return int(port), protocol


def _probe(dice: random.Random, sequence: Sequence, source: str, now: float, source_port: int) -> Packet:
    ports, _, protocol = dice.choice(sequence.opens).partition("/")
    first, _, last = ports.partition("-")
    of_family = [network.partition("/")[0] for network in sequence.to if (":" in network) == (":" in source)]
    to = dice.choice(of_family) if of_family and source not in LINK_LOCAL else ""
    return Packet(now, source, dice.randint(int(first), int(last or first)), protocol, source_port=source_port,
                  to=_WITHIN.get(to, to))


def filling(edges: dict[tuple[str, int], int], script: Script, has_wrong_clock: bool = False) -> str:
    """In nft's language: the tokens of the script, good at any time, or at none."""
    keys = {(packet.token.sequence, packet.token.key) for packet in script.packets if packet.token}
    if not keys:
        return ""
    elements = []
    for name, key in sorted(keys):
        edge = edges[name, 1]
        elements.append(f"0x{key.hex()} timeout 1h : {edge >> 16:x}:{edge & 0xffff:x}")
    good = "" if has_wrong_clock else f"add element inet knockwork good {{ {_GOOD} }}\n"
    return (f"flush set inet knockwork good\n{good}"
            f"flush map inet knockwork tokens\nadd element inet knockwork tokens {{ {', '.join(elements)} }}\n")
