"""Packets of rare forms, from the callers' link: what a stack seldom sends, and rules look for."""

import socket
import struct

from bed import packets
from model.script import Packet, Token

_TCP, _UDP, _ROUTING = 6, 17, 43
_SIGNATURE = bytes((1, 1, 19, 18)) + bytes(16)  # TCP option: MD5, RFC 2385
_EVERYBODY = b"\xff" * 6
FORMS = ("signed", "unsummed", "routed", "broadcast frame")
FORMS_OF_TOKENS = ("broadcast frame", "wrong sum")
TOKEN_CLASS = 4  # the traffic class of a packet whose payload is a token: DSCP 1


def identification(number: int) -> int:
    """A serial number in an IPv4 header, of a form that no other has."""
    return (number >> 12) << 12 | 0x0f00 | number >> 4 & 0xff


def send(packet: Packet, number: int, server: bytes, wire: socket.socket) -> None:
    """`server`: the address of its network card. `wire`: a packet socket for datagrams."""
    card = _EVERYBODY if packet.form == "broadcast frame" else server
    wire.sendto(_whole(packet, number), ("eth0", 0x86dd if ":" in packet.source else 0x0800, 0, 0, card))


def _whole(packet: Packet, number: int) -> bytes:
    if packet.token:
        return _with_token(packet, packet.token, number)
    protocol = _TCP if packet.protocol == "tcp" else _UDP
    body = _segment(packet, number) if packet.protocol == "tcp" else _datagram(packet, number)
    if packet.form == "routed" and ":" in packet.source:
        # The observer looks for the number of what an error quotes where a datagram's payload mostly is.
        header = bytes((protocol, 2, 4, 0, 0, 0, 0, 0)) + struct.pack("!I", number) + bytes(12)
        return packets.whole_ip_packet(packet.source, packet.address, _ROUTING, header + body)
    return packets.whole_ip_packet(packet.source, packet.address, protocol, body)


def _with_token(packet: Packet, token: Token, number: int) -> bytes:
    body = packets.udp_datagram(packet.source, packet.address, packet.source_port, packet.port, token.payload)
    if packet.form == "wrong sum":
        body = _with_wrong_sum(body)
    return packets.whole_ip_packet(packet.source, packet.address, _UDP, body, TOKEN_CLASS, number,
                                   identification(number))


def _segment(packet: Packet, number: int) -> bytes:
    """With an option where it is signed: a longer header, and another sum."""
    ends = packet.source, packet.address, packet.source_port, packet.port
    if packet.form != "signed":
        return packets.tcp_segment(*ends, packet.flags, number, number | 8)
    plain = packets.tcp_segment(*ends, packet.flags, number, number | 8, _SIGNATURE)
    length = (len(plain) // 4) << 4
    # The sum covers the offset, which grows from 5 words to 10.
    (old,) = struct.unpack_from("!H", plain, 16)
    total = (~old & 0xffff) + ((length - (5 << 4)) << 8)
    total = (total & 0xffff) + (total >> 16)
    return plain[:12] + bytes((length,)) + plain[13:16] + struct.pack("!H", ~total & 0xffff) + plain[18:]


def _datagram(packet: Packet, number: int) -> bytes:
    body = packets.udp_datagram(packet.source, packet.address, packet.source_port, packet.port,
                                struct.pack("!I", number))
    if packet.form == "wrong sum":
        return _with_wrong_sum(body)
    return body[:6] + b"\0\0" + body[8:] if packet.form == "unsummed" else body


def _with_wrong_sum(datagram: bytes) -> bytes:
    return datagram[:6] + bytes((datagram[6] ^ 1, datagram[7])) + datagram[8:]
