"""What the callers' host runs: sends packets at their times and notes when it did."""

import os
import struct
import time
from collections.abc import Sequence

from bed import packets
from model.script import Packet


RENUMBERED = 8  # of a TCP segment's acknowledgement: tells it from the sequence number


def serial(number: int) -> int:
    """What a packet carries as its UDP payload or TCP sequence number; TCP may add to it."""
    return (number + 1) << 4


def send(script: Sequence[Packet], first: int, start: float,
         cpu: int) -> list[tuple[float, float]]:
    """Send `script` (whose first packet has number `first`), its time 0 being `start` on the monotonic clock.

    The time before and after each packet's way through the link; on one CPU, which keeps their order.
    """
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(here)[cpu % len(here)]})
    try:
        times = []
        for number, packet in enumerate(script, first):
            ahead = start + packet.at - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            before = time.monotonic()
            _send(packet, serial(number))
            times.append((before, time.monotonic()))
        return times
    finally:
        os.sched_setaffinity(0, here)


def _send(packet: Packet, number: int) -> None:
    if packet.protocol == "tcp":
        packets.raw_tcp(packet.address, packet.port, packet.flags, packet.source, packet.source_port,
                        sequence=number, acknowledge=number | RENUMBERED)
    elif packet.cast:
        packets.cast_udp(packet.address, packet.port, packet.source, payload=struct.pack("!I", number))
    else:
        packets.raw_udp(packet.address, packet.port, packet.source, packet.source_port,
                        struct.pack("!I", number))


def begin(script: Sequence[Packet]) -> None:
    """What the servers' side sends first, so that these packets are replies."""
    for packet in script:
        packets.raw_udp(packet.source, packet.source_port, packet.address, packet.port)
