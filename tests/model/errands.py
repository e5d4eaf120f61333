"""What does not come by way of the callers' link as TCP or UDP: over the loopback, from behind, and ICMP."""

import re
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bed import Host, packets
from bed.lab import SERVER
from model import forgetting
from model.declaration import Declaration
from model.network import Site
from model.script import OWN

_PATIENCE = 0.05  # seconds for an answer
_TIMES = 4  # more than the hosts have to say by themselves
_HOPS = ("10.89.0.2", "fd89::2")  # behind
_CALLERS = ("10.200.120.1", "fd99:0:7800::1")
_ICMP6 = (*range(1, 5), *range(128, 140), 143)
_GRANTS = ("granted4", "ranged4", "reached4", "holders4")
_PORT = 4711  # nobody's
_SERVICE = 6002  # in a range of services, and nobody listens
_OWN_ENDS = ("10.89.0.1", "fd89::1")
_LAST_ACK = "09"
_KNOCK_PRIORITY = 0x74110001  # which the gate gives to what it will refuse
_LOOPBACK = ("127.0.0.1", "::1")
_ROUND = ("10.88.0.7", "fd88::7")  # of the host behind, and by way of the server


def errands(made: Site, declaration: Declaration) -> tuple[str, ...]:
    """What came of each."""
    targets = [_first(service) for sequence in declaration.sequences for service in sequence.opens if not sequence.to]
    knocks = [_first(knock) for sequence in declaration.sequences for knock in sequence.knock]
    found = []
    for host, addresses in ((made.server, (*SERVER, *_LOOPBACK)), (made.behind, SERVER)):
        said = host.call(ask, targets, knocks, addresses)
        found += [f"{host.name}: {answer}" for answer in said]
    found.append(f"an older session works: {_older_session(made)}")
    found.append(f"a session works whose socket is found late: {_late_session(made)}")
    found.append(f"a session ends: {_ends(made)}")
    found += _remembered(made)
    for hop in _HOPS:  # from a closed port comes an error
        found.append(f"{hop} {made.server.call(packets.probe_udp, hop, _PORT, None, _PATIENCE).value}")
    found += made.server.call(ask_with_priority, knocks, SERVER)
    found += _kept_sessions(made)
    for hops in (255, 64):
        with _counting(made, f"of {hops} hops", found):
            made.callers.call(send_icmp, hops)
            for source, address in zip(_HOPS, _CALLERS):
                made.behind.call(send_through, source, address)
    with _counting(made, "in its own name", found):
        made.callers.call(send_echo_as, SERVER[0], SERVER[0])
    for way, host, sources, addresses in (("from behind", made.behind, _HOPS, SERVER),
                                          ("over loopback", made.server, SERVER, SERVER),
                                          ("through", made.behind, _HOPS, _CALLERS)):
        with _counting(made, f"odd {way}", found):
            for source, address in zip(sources, addresses):
                host.call(send_odd, source, address)
    card: bytes = made.server.call("read", "/sys/class/net/eth1/address")
    with _counting(made, "round", found, made.behind, ("TcpOutRsts",)):
        made.behind.call(send_round, bytes.fromhex(card.decode().replace(":", "")))
    return tuple(found)


_COUNTED = ("Icmp6InType", "IcmpMsgInType", "IpForwDatagrams", "Ip6OutForwDatagrams", "TcpOutRsts")


@contextmanager
def _counting(made: Site, title: str, found: list[str], host: Host | None = None,
              names: tuple[str, ...] = _COUNTED) -> Iterator[None]:
    """What the server, or another host, has counted of what is sent meanwhile, in one line."""
    counter = host or made.server
    before = counter.call(counts)
    yield
    time.sleep(_PATIENCE)
    after = counter.call(counts)
    grown = [name for name in sorted(after) if after[name] - before.get(name, 0) >= _TIMES and name.startswith(names)]
    found.append(f"{title}: {', '.join(grown)}")


def _older_session(made: Site, forgets: bool = True) -> str:
    """One that the server began, and that conntrack has forgotten, where the other side is the next to speak."""
    made.behind.call(speak_later, _PORT, _PATIENCE)
    try:
        connection: int = made.server.call("open_connection", "10.89.0.1", "10.89.0.2", _PORT, 1)
    except OSError:
        return "it cannot begin"
    try:
        if forgets:
            made.server.call(forgetting.forget)
        said: bytes = made.server.call("exchange", connection, b"", 4 * _PATIENCE)
        return str(said == b"later")
    finally:
        made.server.call("close_connection", connection)


def _remembered(made: Site) -> list[str]:
    """How long a session is, which this host begins from a service's port: while it lives, and when it has ended.

    Then what a segment changes about it that only looks as if it were one of it.
    """
    found = []
    for source, target in zip(_OWN_ENDS, _HOPS):
        made.server.call(send_own, source, target, _PORT - 1, packets.ACK)
        found.append(f"{source}, not begun: {_times(made, _PORT - 1)}")
        for port, flags in enumerate((0, packets.SYN, packets.SYN | packets.ACK), _PORT):
            made.behind.call(speak_later, port, 0)
            held: int = made.server.call(begin_at, source, _SERVICE, target, port)
            found.append(f"{source}: {made.server.call(end_of, held, False) if held else 'refused'}, "
                         f"{_times(made, port)}")
            if not held:
                continue
            if flags:
                made.server.call(send_own, source, target, port, flags)
                found.append(f"{source}, flags {flags:#x}: {_times(made, port)}")
            made.server.call(end_of, held, True)
            time.sleep(_PATIENCE)
            found.append(f"{source}, ended: {_times(made, port)}")
        made.behind.call(close_second, _PORT - 2, source)
        if held := made.server.call(begin_at, source, _SERVICE, target, _PORT - 2):
            made.server.call(end_of, held, True)
            time.sleep(_PATIENCE)
        found.append(f"{source}, ended first: {_times(made, _PORT - 2)}")
    return found


def _times(made: Site, port: int) -> list[str]:
    """Of what is remembered of sessions with that port elsewhere, in hours or minutes."""
    listed = "".join(made.server.run(["/usr/sbin/nft", "list", "set", "inet", "knockwork", f"spoken{digit}"]).stdout
                     for digit in "46")
    units: list[str] = re.findall(rf"\. {port} \. \S+ \. {_SERVICE} \. tcp timeout \S+ expires \d+([dhms])", listed)
    return ["h" if unit in "dh" else "m" for unit in units]


def _late_session(made: Site) -> str:
    """One that the server begins, where the kernel looks for sockets only behind the gate."""
    made.server.sysctl("net.ipv4.ip_early_demux", "0")
    try:
        return _older_session(made, forgets=False)
    finally:
        made.server.sysctl("net.ipv4.ip_early_demux", "1")


def _ends(made: Site) -> str:
    """Whether both sides agree on the end of what the server began, and ends first: by then it has no whole socket."""
    made.behind.call(close_second, _PORT, "10.89.0.1")
    try:
        connection: int = made.server.call("open_connection", "10.89.0.1", "10.89.0.2", _PORT, 1)
    except OSError:
        return "it cannot begin"
    made.server.call("close_connection", connection)
    time.sleep(_PATIENCE)
    return str(not made.behind.call(is_ending, _PORT))


def _kept_sessions(made: Site) -> list[str]:
    """Those of a caller behind, whose grants are gone, and that conntrack has forgotten."""
    kept: list[tuple[str, int, int]] = []
    found: list[str] = []
    for address in OWN:
        for port in (22, 443):
            try:
                connection: int = made.behind.call("open_connection", _HOPS[":" in address], address, port,
                                                   4 * _PATIENCE)
            except OSError:
                found.append(f"{address} {port}: no grant")
            else:
                kept.append((address, port, connection))
    for name in _GRANTS:  # not every table has them all
        made.server.run(["/usr/sbin/nft", "flush", "set", "inet", "knockwork", name])
    made.server.call(forgetting.forget)
    for address, port, connection in kept:
        said: bytes = made.behind.call("exchange", connection, b"still here?", 4 * _PATIENCE)
        found.append(f"{address} {port}: {said!r}")
        for flags in (packets.SYN, packets.SYN | packets.ACK):
            made.server.call(forgetting.forget)
            with _counting(made, f"{address} {port}: flags {flags:#x}", found, names=("TcpExtTCPSYNChallenge",)):
                made.behind.call(send_again, address, port, flags, made.behind.call("local_port", connection))
        made.behind.call("close_connection", connection)
    return found


_HELD: list[socket.socket] = []


def begin_at(source: str, source_port: int, target: str, port: int) -> int:
    """A connection from that port: a number for `end_of`, or 0."""
    connection = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.settimeout(4 * _PATIENCE)
    try:
        connection.bind((source, source_port))
        connection.connect((target, port))
    except OSError:
        connection.close()
        return 0
    _HELD.append(connection)
    return len(_HELD)


def end_of(number: int, now: bool) -> str:
    """What the other side of a connection says last, or nothing more: it is closed."""
    connection = _HELD[number - 1]
    if now:
        connection.close()
        return ""
    try:
        said = connection.recv(9)
        connection.sendall(b"heard")
        return repr(said)
    except OSError as error:
        return type(error).__name__


def speak_later(port: int, pause: float) -> None:
    """Accept one connection, and say something after a while."""
    listener = socket.create_server(("::", port), family=socket.AF_INET6, reuse_port=True, dualstack_ipv6=True)

    def serve() -> None:
        with listener, listener.accept()[0] as peer:
            time.sleep(pause)
            peer.sendall(b"later")
            peer.recv(9)

    threading.Thread(target=serve, daemon=True).start()


def close_second(port: int, source: str) -> None:
    """Accept one connection of that address's family, and end it as soon as the other side does."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    listener = socket.create_server(("", port), family=family, reuse_port=True)

    def serve() -> None:
        with listener, listener.accept()[0] as peer:
            peer.recv(1)

    threading.Thread(target=serve, daemon=True).start()


def is_ending(port: int) -> bool:
    """Whether this host waits for the other side to know that a connection to its port has ended. See proc(5)."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(local.endswith(f":{port:04X}") and state == _LAST_ACK
               for _, local, _, state, *_ in map(str.split, lines))


def _first(service: str) -> tuple[int, str]:
    ports, _, protocol = service.partition("/")
    return int(ports.partition("-")[0]), protocol


def ask(targets: Iterable[tuple[int, str]], knocks: Iterable[tuple[int, str]], addresses: Iterable[str]) -> list[str]:
    """What services say to this host, before and after knocks."""
    found = []
    for address in addresses:
        found += _said(targets, address)
        for port, protocol in knocks:
            _probe(protocol, address, port)
        time.sleep(_PATIENCE)  # what closes takes a moment
        found += _said(targets, address)
    return found


def ask_with_priority(knocks: Iterable[tuple[int, str]], addresses: Iterable[str]) -> list[str]:
    """What this host's listeners say to it, by packets of the priority that the gate uses for itself."""
    found = []
    for address in addresses:
        for port in sorted({port for port, protocol in knocks if protocol == "udp"}):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as handle:
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _KNOCK_PRIORITY)
                handle.settimeout(_PATIENCE)
                handle.connect((address, port))
                try:
                    handle.send(b"hello")
                    found.append(f"{address} {port} with priority: {handle.recv(9)!r}")
                except OSError as error:
                    found.append(f"{address} {port} with priority: {type(error).__name__}")
    return found


def _said(targets: Iterable[tuple[int, str]], address: str) -> list[str]:
    return [f"{address} {port}/{protocol} {_probe(protocol, address, port)}" for port, protocol in targets]


def _probe(protocol: str, address: str, port: int) -> str:
    answer = (packets.probe_tcp(address, port, None, _PATIENCE) if protocol == "tcp" else
              packets.probe_udp(address, port, None, _PATIENCE))
    return answer.value


def send_icmp(hops: int) -> None:
    """Of every type that a rule could be about, with and without what proves that it comes from the link."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as handle:
        handle.bind((_CALLERS[0], 0))
        for kind in (8, 13):
            for _ in range(_TIMES):
                handle.sendto(_with_sum(struct.pack("!BBHHH", kind, 0, 0, 1, 1)), (SERVER[0], 0))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as handle:
        handle.bind((_CALLERS[1], 0))
        for kind in _ICMP6:
            handle.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
            for _ in range(_TIMES):
                handle.sendto(struct.pack("!BBHI", kind, 0, 0, 0) + bytes(48), (SERVER[1], 0))


def send_echo_as(source: str, target: str) -> None:
    """A ping in somebody else's name."""
    with packets.raw_socket(target) as handle:
        for _ in range(_TIMES):
            message = _with_sum(struct.pack("!BBHHH", 8, 0, 0, 1, 1))
            handle.sendto(packets.ip_packet(source, target, socket.IPPROTO_ICMP, message), (target, 0))


def send_through(source: str, target: str) -> None:
    """From behind the server to a caller."""
    for _ in range(_TIMES):
        packets.raw_udp(target, 9, source)


def send_odd(source: str, target: str) -> None:
    """To a closed port, which answers it unless somebody drops it before."""
    for _ in range(_TIMES):
        packets.raw_tcp(target, 9, packets.FIN, source)


def send_again(target: str, port: int, flags: int, source_port: int) -> None:
    """Segments that look as if a connection of this host's began anew."""
    for _ in range(_TIMES):
        packets.raw_tcp(target, port, flags, _HOPS[":" in target], source_port)


def send_own(source: str, target: str, port: int, flags: int) -> None:
    """Segments of nobody's from the port that this host's sessions begin from: the second finds what the first did."""
    for _ in range(2):
        packets.raw_tcp(target, port, flags, source, _SERVICE)


def send_round(card: bytes) -> None:
    """To this host's own services, by way of the server's network card of that address. What comes is answered here."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as wire:
        for source, target in zip(_HOPS, _ROUND):
            for number in range(_TIMES):
                segment = packets.tcp_segment(source, target, 4712 + number, 443, packets.SYN, 1)
                whole = packets.whole_ip_packet(source, target, socket.IPPROTO_TCP, segment)
                wire.sendto(whole, ("eth0", 0x86dd if ":" in source else 0x0800, 0, 0, card))


def _with_sum(message: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xffff) + (total >> 16)
    return message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:]


def counts() -> dict[str, int]:
    """What this host's IP has counted."""
    return dict(_counts())


def _counts() -> Iterator[tuple[str, int]]:
    for line in Path("/proc/net/snmp6").read_text(encoding="ascii").splitlines():
        name, number = line.split()
        yield name, int(number)
    lines = [line for name in ("snmp", "netstat")
             for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()]
    for names, numbers in zip(lines[::2], lines[1::2]):
        title, *words = names.split()
        for word, number in zip(words, numbers.split()[1:]):
            yield f"{title.removesuffix(':')}{word}", int(number)
