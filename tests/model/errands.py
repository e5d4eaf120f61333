"""What does not come by way of the callers' link as TCP or UDP: over the loopback, from behind, and ICMP."""

import socket
import struct
import time
from collections.abc import Iterable

from bed import packets
from bed.lab import SERVER
from model import firewalls, sessions
from model.counting import PATIENCE, TIMES, counting
from model.declaration import Declaration
from model.network import CALLERS, NEXT_HOP, Site
from model.script import OWN

_ICMP6 = (*range(1, 5), *range(128, 140), 143)
_PORT = 4711  # nobody's
_KNOCK_PRIORITY = 0x74110001  # which the gate gives to what it will refuse
_LOOPBACK = ("127.0.0.1", "::1")
_ROUND = (("10.88.0.7", "10.88.0.6"), ("fd88::7", "fd88::6"))  # of the host behind, and by way of the server
_GROUP = "239.77.0.1"
_HEARD_AT = 5353  # nobody protects it


def errands(made: Site, declaration: Declaration) -> tuple[str, ...]:
    """What came of each."""
    targets = [_first(service) for sequence in declaration.sequences for service in sequence.opens if not sequence.to]
    knocks = [_first(knock) for sequence in declaration.sequences for knock in sequence.knock]
    found = []
    for host, addresses in ((made.server, (*SERVER, *_LOOPBACK)), (made.behind, SERVER)):
        said = host.call(ask, targets, knocks, addresses)
        found += [f"{host.name}: {answer}" for answer in said]
    found.append(f"an older session works: {sessions.older(made)}")
    found.append(f"a session works whose socket is found late: {sessions.late(made)}")
    found.append(f"a session ends: {sessions.ends(made)}")
    found += sessions.remembered(made)
    for hop in NEXT_HOP:  # from a closed port comes an error
        found.append(f"{hop} {made.server.call(packets.probe_udp, hop, _PORT, None, PATIENCE).value}")
    found += made.server.call(ask_with_priority, knocks, SERVER)
    found += sessions.kept(made, [_first(knock) for sequence in declaration.sequences if not sequence.closes
                                  for knock in sequence.knock])
    for hops in (255, 64):
        with counting(made, f"of {hops} hops", found):
            made.callers.call(send_icmp, hops)
            for source, address in zip(NEXT_HOP, CALLERS):
                made.behind.call(send_through, source, address)
    with counting(made, "in its own name", found):
        made.callers.call(send_echo_as, SERVER[0], SERVER[0])
    for way, host, sources, addresses in (("from behind", made.behind, NEXT_HOP, SERVER),
                                          ("over loopback", made.server, SERVER, SERVER),
                                          ("through", made.behind, NEXT_HOP, CALLERS)):
        with counting(made, f"odd {way}", found):
            for source, address in zip(sources, addresses):
                host.call(send_odd, source, address)
    for send in (send_odd, send_through):
        with counting(made, f"{send.__name__} in the server's name", found, made.callers, ("Ip6InReceives",)):
            made.behind.call(send, SERVER[1], CALLERS[1])
    found.append(f"of a group: {_of_a_group(made)}")
    found += firewalls.dropped(made, sessions.times)
    places = [_first(service) for sequence in declaration.sequences if sequence.to for service in sequence.opens]
    found += firewalls.refused(made, targets, knocks, places)
    card: bytes = made.server.call("read", "/sys/class/net/eth1/address")
    for from_service in (False, True):
        with counting(made, f"round, {from_service}", found, made.behind, ("TcpOutRsts",)):
            made.behind.call(send_round, from_service, bytes.fromhex(card.decode().replace(":", "")))
    return tuple(found)


def _of_a_group(made: Site) -> bool:
    """Whether the server hears a datagram to a group that it belongs to."""
    made.server.call(join)
    made.callers.call(packets.cast_udp, _GROUP, _HEARD_AT, "")
    heard: bool = made.server.call(has_heard)
    return heard


_MEMBERS: list[socket.socket] = []


def join() -> None:
    """Listen to a group, on the callers' link."""
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member.bind((_GROUP, _HEARD_AT))
    request = struct.pack("4s4si", socket.inet_aton(_GROUP), b"", socket.if_nametoindex("eth0"))
    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    member.settimeout(PATIENCE)
    _MEMBERS.append(member)


def has_heard() -> bool:
    """Whether anything came since `join`; this host leaves the group."""
    with _MEMBERS.pop() as member:
        try:
            return bool(member.recv(9))
        except TimeoutError:
            return False


def _first(service: str) -> tuple[int, str]:
    ports, _, protocol = service.partition("/")
    return int(ports.partition("-")[0]), protocol


def ask(targets: Iterable[tuple[int, str]], knocks: Iterable[tuple[int, str]], addresses: Iterable[str]) -> list[str]:
    """What services say to this host, before and after knocks."""
    found = []
    for address in addresses:
        found += _said(targets, address)
        for port, protocol in knocks:
            packets.probe(protocol, address, port, PATIENCE)
        time.sleep(PATIENCE)  # what closes takes a moment
        found += _said(targets, address)
    return found


def ask_with_priority(knocks: Iterable[tuple[int, str]], addresses: Iterable[str]) -> list[str]:
    """What this host's listeners say to it, by packets of the priority that the gate uses for itself."""
    found = []
    for address in addresses:
        for port in sorted({port for port, protocol in knocks if protocol == "udp"}):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as handle:
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _KNOCK_PRIORITY)
                handle.settimeout(PATIENCE)
                handle.connect((address, port))
                try:
                    handle.send(b"hello")
                    found.append(f"{address} {port} with priority: {handle.recv(9)!r}")
                except OSError as error:
                    found.append(f"{address} {port} with priority: {type(error).__name__}")
    return found


def _said(targets: Iterable[tuple[int, str]], address: str) -> list[str]:
    return [f"{address} {port}/{protocol} {packets.probe(protocol, address, port, PATIENCE).value}"
            for port, protocol in targets]


def send_icmp(hops: int) -> None:
    """Of every type that a rule could be about, with and without what proves that it comes from the link."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as handle:
        handle.bind((CALLERS[0], 0))
        for kind in (8, 13):
            for _ in range(TIMES):
                handle.sendto(_with_sum(struct.pack("!BBHHH", kind, 0, 0, 1, 1)), (SERVER[0], 0))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as handle:
        handle.bind((CALLERS[1], 0))
        for kind in _ICMP6:
            handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
            for _ in range(TIMES):
                handle.sendto(struct.pack("!BBHI", kind, 0, 0, 0) + bytes(48), (SERVER[1], 0))


def send_echo_as(source: str, target: str) -> None:
    """A ping in somebody else's name."""
    with packets.raw_socket(target) as handle:
        for _ in range(TIMES):
            message = _with_sum(struct.pack("!BBHHH", 8, 0, 0, 1, 1))
            handle.sendto(packets.ip_packet(source, target, socket.IPPROTO_ICMP, message), (target, 0))


def send_through(source: str, target: str) -> None:
    """From behind the server to a caller."""
    for _ in range(TIMES):
        packets.raw_udp(target, 9, source)


def send_odd(source: str, target: str) -> None:
    """To a closed port, which answers it unless somebody drops it before."""
    for _ in range(TIMES):
        packets.raw_tcp(target, 9, packets.FIN, source)


def send_round(from_service: bool, card: bytes) -> None:
    """To this host's own services, by way of the server's network card of that address. What comes is answered here."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as wire:
        for hop, (target, neighbour) in zip(NEXT_HOP, _ROUND):
            for number in range(TIMES):
                source, port = (neighbour, 443) if from_service else (hop, 4712 + number)
                segment = packets.tcp_segment(source, target, port, 443, packets.SYN, 1 + number)
                whole = packets.whole_ip_packet(source, target, socket.IPPROTO_TCP, segment)
                wire.sendto(whole, ("eth0", 0x86dd if ":" in source else 0x0800, 0, 0, card))


def _with_sum(message: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xffff) + (total >> 16)
    return message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:]
