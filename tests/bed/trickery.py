"""What an attacker does with frames of his own, and a server that resets on request: run by a host's agent."""

import contextlib
import socket
import struct
import threading
import time

from bed import packets

_TCP, _UDP = 6, 17
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset


def _ethertype(address: str) -> int:
    return 0x86dd if ":" in address else 0x0800


def _link_address(router: str) -> bytes:
    """Of a neighbour that has been talked to."""
    with open("/proc/net/arp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[0] == router:
                return bytes.fromhex(fields[3].replace(":", ""))
    raise LookupError(f"{router} is no neighbour")


def plant(router: str, source: str, source_port: int, target: str, port: int, protocol: str) -> None:
    """One packet from anybody's address to anybody's, by way of a router: conntrack there notes it."""
    if protocol == "tcp":
        body = packets.tcp_segment(source, target, source_port, port, packets.SYN)
    else:
        body = packets.udp_datagram(source, target, source_port, port, b"planted")
    whole = packets.whole_ip_packet(source, target, _TCP if protocol == "tcp" else _UDP, body)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as handle:
        handle.sendto(whole, ("eth0", _ethertype(target), 0, 0, _link_address(router)))


def serve_resetting(port: int) -> None:
    """A TCP echo that resets the connection when it is sent b"reset", until the host ends."""
    listener = socket.create_server(("", port))

    def serve(peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            while data := peer.recv(4096):
                if data == b"reset":
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    return
                peer.sendall(data)

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def come_again(source: str, source_port: int, target: str, port: int, pause: float) -> tuple[bool, bool]:
    """Whether a connection succeeds, and, once the server has reset it after a pause, another from the same port."""
    first = _connect(source, source_port, target, port)
    if first is None:
        return False, False
    time.sleep(pause)
    with first, contextlib.suppress(OSError):
        first.sendall(b"reset")
        while first.recv(4096):
            pass
    time.sleep(0.05)
    second = _connect(source, source_port, target, port)
    if second is not None:
        second.close()
    return True, second is not None


def _connect(source: str, source_port: int, target: str, port: int) -> socket.socket | None:
    handle = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    handle.settimeout(1)
    try:
        handle.bind((source, source_port))
        handle.connect((target, port))
    except OSError:
        handle.close()
        return None
    return handle


def take_cookie(source: str, source_port: int, target: str, port: int, sequence: int) -> int:
    """The sequence number of the answer to a SYN: a cookie, where the server sends such. IPv4."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as wire:
        wire.bind((source, 0))
        wire.settimeout(3)
        packets.raw_tcp(target, port, packets.SYN, source, source_port, sequence)
        while True:
            packet = wire.recv(4096)
            segment = packet[(packet[0] & 15) * 4:]
            their_port, our_port, number = struct.unpack("!HHI", segment[:8])
            if (their_port, our_port) == (port, source_port) and segment[13] & 0x12 == 0x12:
                return int(number)
