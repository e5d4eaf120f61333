"""What the callers' host runs: sends packets at their times and notes when it did."""

import os
import socket
import struct
import time
from collections.abc import Sequence

from bed import packets
from bed.lab import SERVER
from bed.packets import ACK, SYN
from model import forms
from model.script import Packet, Token

_SHORT = 0.005  # seconds
RENUMBERED = 8  # of a TCP segment's acknowledgement: tells it from the sequence number


def serial(number: int) -> int:
    """What a packet carries as its UDP payload or TCP sequence number; TCP may add to it."""
    return (number + 1) << 4


def send(script: Sequence[Packet], first: int, start: float, cpu: int,
         server: bytes) -> list[tuple[float, float]]:
    """Send `script` (whose first packet has number `first`), its time 0 being `start` on the monotonic clock.

    `server`: the address of its network card. The time before and after each packet's way through the link; on
    one CPU, which keeps their order.
    """
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(here)[cpu % len(here)]})
    try:
        times = []
        for number, packet in enumerate(script, first):
            ahead = start + packet.at - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            if packet.forged:
                _forge(packet, server)
            before = time.monotonic()
            _send(packet, serial(number))
            times.append((before, time.monotonic()))
        return times
    finally:
        os.sched_setaffinity(0, here)


def rush(script: Sequence[Packet], first: int, cpu: int, server: bytes) -> None:
    """Send a script from its packet `first` on, each as soon as can be; where times are far apart, at least so far."""
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(here)[cpu % len(here)]})
    try:
        with (socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as wire,  # its end takes long: one for all
              packets.raw_socket("0.0.0.0") as four, packets.raw_socket("::") as six):
            for number, packet in enumerate(script[first:], first):
                pause = packet.at - script[number - 1].at if number > first else 0
                if pause > _SHORT:
                    time.sleep(pause)
                if packet.forged:
                    _forge(packet, server, wire)
                if packet.form:
                    forms.send(packet, serial(number), server, wire)
                elif packet.cast or packet.token:
                    _send(packet, serial(number))
                else:
                    (six if ":" in packet.source else four).sendto(_whole(packet, serial(number)), (packet.address, 0))
    finally:
        os.sched_setaffinity(0, here)


def _send(packet: Packet, number: int) -> None:
    if packet.protocol == "tcp":
        packets.raw_tcp(packet.address, packet.port, packet.flags, packet.source, packet.source_port,
                        sequence=number, acknowledge=number | RENUMBERED)
    elif packet.cast:
        packets.cast_udp(packet.address, packet.port, packet.source, payload=struct.pack("!I", number))
    elif packet.token:
        _send_token(packet, packet.token, number)
    else:
        packets.raw_udp(packet.address, packet.port, packet.source, packet.source_port,
                        struct.pack("!I", number))


def _whole(packet: Packet, number: int) -> bytes:
    ends = packet.source, packet.address, packet.source_port, packet.port
    if packet.protocol == "tcp":
        body = packets.tcp_segment(*ends, packet.flags, number, number | RENUMBERED)
        return packets.ip_packet(packet.source, packet.address, 6, body)
    body = packets.udp_datagram(*ends, struct.pack("!I", number))
    return packets.ip_packet(packet.source, packet.address, 17, body)


def _send_token(packet: Packet, token: Token, number: int) -> None:
    """A token's place is that of the serial number, which the IP header has instead."""
    body = packets.udp_datagram(packet.source, packet.address, packet.source_port, packet.port, token.payload)
    whole = packets.ip_packet(packet.source, packet.address, 17, body, forms.TOKEN_CLASS, number,
                              forms.identification(number))
    with packets.raw_socket(packet.address) as handle:
        handle.sendto(whole, (packet.address, 0))


def _forge(packet: Packet, server: bytes, wire: socket.socket | None = None) -> None:
    """By way of the server to its source, in the name of whom it is for."""
    ends = packet.address, packet.source, packet.port, packet.source_port
    if packet.protocol == "tcp":
        body = packets.tcp_segment(*ends, ACK if packet.flags == ACK else SYN, 0)
    else:
        body = packets.udp_datagram(*ends, bytes(4))
    whole = packets.whole_ip_packet(packet.address, packet.source, 6 if packet.protocol == "tcp" else 17, body)
    to = ("eth0", 0x86dd if ":" in packet.source else 0x0800, 0, 0, server)
    if wire:
        wire.sendto(whole, to)
        return
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as handle:
        handle.sendto(whole, to)


def announce(port: int, sources: Sequence[str]) -> None:
    """What the server sends first, so that a neighbour expects connections from these sources."""
    for number, source in enumerate(sources):
        packets.raw_udp(source, 9, SERVER[":" in source], port)


def begin(script: Sequence[Packet]) -> None:
    """What the servers' side sends first, so that these packets are replies."""
    for packet in script:
        if packet.protocol == "tcp":
            packets.raw_tcp(packet.source, packet.source_port, SYN, packet.address, packet.port)
        else:
            packets.raw_udp(packet.source, packet.source_port, packet.address, packet.port)
