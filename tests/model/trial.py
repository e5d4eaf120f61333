"""One declaration and one script: through the kernel, through the machine, compared."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from bed.cli import Knockwork
from bed.table import Table
from model import machine, observer, sender
from model.compare import Account, Comparison, delays
from model.declaration import Declaration, any_declaration, with_closer, with_prolonged
from model.machine import Reply, State
from model.observer import Look, Seen
from model.script import Packet, Script, any_script, is_routed
from model.network import Site
from model.tokens import filling, with_tokens
from model.neighbour import announcing_port

BEGINNING = 0.1  # seconds: a moment to get going
# A datagram of a flow that ended with its grant, which another table leads to the service: it was answered.
FOUND_BEFORE_TOKENS = (7000820,)


def case(seed: int) -> tuple[Declaration, Script]:
    """What a seed stands for; even seeds are gates, odd ones stealth."""
    dice = random.Random(seed)
    declaration = any_declaration(dice, "stealth" if seed % 2 else "gate")
    script = any_script(dice, declaration)
    if seed in FOUND_BEFORE_TOKENS:
        return declaration, script
    declaration, script = with_tokens(random.Random(~seed), declaration, script)
    declaration = with_prolonged(random.Random(seed + 0x10000000), declaration)
    return with_closer(random.Random(seed + 0x20000000), declaration), script


@dataclass(frozen=True)
class Trial:
    """All that is known of one run."""

    declaration: Declaration
    script: Script
    times: list[float]  # of each packet, in seconds from the first
    seen: list[Seen]
    replies: list[Reply | None]
    account: Account


def run(made: Site, declaration: Declaration, script: Script,
        tampering: Callable[[Table], str] | None = None) -> Trial:
    """On a site. `tampering` says in nft's language how to make the kernel wrong on purpose."""
    made.forget()
    neighbour = script.neighbour
    made.server.nft(observer.table(script.dirty))
    if not neighbour.early:
        made.server.nft(neighbour.table())
    Knockwork(made.server).apply(declaration.text())
    if neighbour.early:
        made.server.nft(neighbour.table())
    _, table = observer.look(made)
    if any(block.name == "underway" for block in table.blocks):
        made.server.nft("flush set inet knockwork underway\n")  # as if the first apply were long ago
    if tampering:
        made.server.nft(tampering(table))
    return play(made, declaration, script, table)


def play(made: Site, declaration: Declaration, script: Script, table: Table) -> Trial:
    """Where everything is loaded. `table` is what the declaration's should be."""
    edges = {step: edge for edge, step in observer.steps(table).items()}
    made.server.nft(filling(edges, script))
    begun = [packet for packet in script.packets if packet.begun_there]
    made.server.call(sender.begin, [packet for packet in begun if not is_routed(packet.address)])
    made.behind.call(sender.begin, [packet for packet in begun if is_routed(packet.address)])
    made.server.call(sender.announce, announcing_port(), script.neighbour.to)
    sent, looks = send(made, script)
    seen = observer.read(made, script.packets)
    seen = [replace(one, ours=one.ours or packet.protocol == "udp" and packet.flow in script.begun_there)
            for one, packet in zip(seen, script.packets)]
    delivered = replace(script, packets=tuple(
        script.delivered(packet) if one.goes_by_nat else packet for one, packet in zip(seen, script.packets)))
    replies = _ask(declaration, delivered, sent, seen)
    comparison = Comparison(delivered, script.packets, State(declaration, edges, observer.named(table)))
    late = delays(sent, seen)
    for number, (before, after) in enumerate(sent):
        comparison.packet(number, (before + after) / 2, late[number] + after - before, seen[number],
                          replies[number])
        if number in looks:
            comparison.look(number, looks[number])
    return Trial(declaration, script, [before - sent[0][0] for before, _ in sent], seen, replies,
                 comparison.account)


def send(made: Site, script: Script) -> tuple[list[tuple[float, float]], dict[int, Look]]:
    """The times of the packets, and the looks at the sets after some and at the end."""
    sent: list[tuple[float, float]] = []
    looks: dict[int, Look] = {}
    start = time.monotonic() + BEGINNING
    while len(sent) < len(script.packets):
        first = len(sent)
        end = next((number + 1 for number in range(first, len(script.packets))
                    if script.packets[number].look), len(script.packets))
        sent += made.callers.call(sender.send, script.packets[first:end], first, start, os.getpid(),
                                  made.server_card)
        looks[end - 1], _ = observer.look(made)
        start += time.monotonic() - sent[-1][1]  # the script stands still meanwhile
    return sent, looks


def _ask(declaration: Declaration, script: Script, sent: list[tuple[float, float]],
         seen: list[Seen]) -> list[Reply | None]:
    """The machine's reply to each packet that arrived."""
    lines = [machine.line(packet, round(((before + after) / 2 - sent[0][0]) * 1000), one.state,
                          one.reply, one.ours)
             for packet, (before, after), one in zip(script.packets, sent, seen) if one.state]
    replies = iter(machine.trace(declaration, lines))
    return [next(replies) if one.state else None for one in seen]


def smaller(made: Site, done: Trial, tampering: Callable[[Table], str] | None = None,
            tries: int = 60) -> Script:
    """A part of a script that still disagrees; the same one where no smaller is found."""
    script = done.script

    def fails(packets: tuple[Packet, ...]) -> bool:
        again = run(made, done.declaration, replace(script, packets=packets), tampering)
        return bool(again.account.disagreements)

    owner = done.declaration.owner(done.account.disagreements[0].source)
    packets = tuple(packet for packet in script.packets
                    if done.declaration.owner(packet.source) == owner)
    if not packets or not fails(packets):  # sources influence each other, of all things
        packets = script.packets
    step = max(1, len(packets) // 2)
    while tries > 0:
        for first in range(0, len(packets), step):
            rest = packets[:first] + packets[first + step:]
            tries -= 1
            if rest and fails(rest):
                packets = rest
                break
            if tries <= 0:
                break
        else:
            if step == 1:
                break
            step //= 2
    return replace(script, packets=packets)
