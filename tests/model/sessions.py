"""Real sessions, of the server's own and of callers: how long each is known, and what it means that it is."""

import re
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bed import Host, packets
from bed.lab import SERVER
from model import forgetting
from model.counting import BRIEF, PATIENCE, TIMES, counting
from model.network import CALLERS, FAR_SIDE, NEXT_HOP, Site
from model.script import OWN

_GRANTS = ("granted", "ranged", "reached", "holders")
_HEARD = (22, 443, 6000)  # services where somebody listens
_PORT = 4711  # nobody's
_SERVICE = 6002  # in a range of services, and nobody listens
_LAST_ACK = "09"


def older(made: Site, forgets: bool = True) -> str:
    """One that the server began, and that conntrack has forgotten, where the other side is the next to speak."""
    made.behind.call(speak_later, _PORT, PATIENCE)
    try:
        connection: int = made.server.call("open_connection", "10.89.0.1", "10.89.0.2", _PORT, 1)
    except OSError:
        return "it cannot begin"
    try:
        if forgets:
            made.server.call(forgetting.forget)
        said: bytes = made.server.call("exchange", connection, b"", 4 * PATIENCE)
        return str(said == b"later")
    finally:
        made.server.call("close_connection", connection)


def remembered(made: Site) -> list[str]:
    """How long a session is, which this host begins from a service's port: while it lives, and when it has ended.

    Then what a segment changes about it that only looks as if it were one of it.
    """
    found = []
    for source, target in zip(FAR_SIDE, NEXT_HOP):
        made.server.call(send_own, source, target, _PORT - 1, packets.ACK)
        found.append(f"{source}, not begun: {times(made, _PORT - 1)}")
        made.server.call(packets.raw_udp, target, _PORT - 3, source, _SERVICE)
        found.append(f"{source}, a datagram: {times(made, _PORT - 3)}")
        for port, flags in enumerate((0, packets.SYN, packets.SYN | packets.ACK), _PORT):
            made.behind.call(speak_later, port, 0)
            held: int = made.server.call(begin_at, source, _SERVICE, target, port)
            found.append(f"{source}: {made.server.call(end_of, held, False) if held else 'refused'}, "
                         f"{times(made, port)}")
            if held and flags:
                made.server.call(send_own, source, target, port, flags)
            found.append(f"{source}, flags {flags:#x}: {times(made, port)}")
            if held:
                made.server.call(end_of, held, True)
            time.sleep(PATIENCE)
            found.append(f"{source}, ended: {times(made, port)}")
        made.behind.call(close_second, _PORT - 2, source)
        if held := made.server.call(begin_at, source, _SERVICE, target, _PORT - 2):
            made.server.call(end_of, held, True)
            time.sleep(PATIENCE)
        found.append(f"{source}, ended first: {times(made, _PORT - 2)}")
    return found


def times(made: Site, port: int) -> list[str]:
    """Of what is remembered of sessions with that port elsewhere, in hours or minutes."""
    listed = "".join(made.server.run(["/usr/sbin/nft", "list", "set", "inet", "knockwork", f"spoken{digit}"]).stdout
                     for digit in "46")
    units: list[str] = re.findall(rf"\. {port} \. \S+ \. {_SERVICE} \. \w+ timeout \S+ expires \d+([dhms])", listed)
    return sorted("h" if unit in "dh" else "m" for unit in units)


def late(made: Site) -> str:
    """One that the server begins, where the kernel looks for sockets only behind the gate."""
    made.server.sysctl("net.ipv4.ip_early_demux", "0")
    try:
        return older(made, forgets=False)
    finally:
        made.server.sysctl("net.ipv4.ip_early_demux", "1")


def ends(made: Site) -> str:
    """Whether both sides agree on the end of what the server began, and ends first: by then it has no whole socket."""
    made.behind.call(close_second, _PORT, "10.89.0.1")
    try:
        connection: int = made.server.call("open_connection", "10.89.0.1", "10.89.0.2", _PORT, 1)
    except OSError:
        return "it cannot begin"
    made.server.call("close_connection", connection)
    time.sleep(PATIENCE)
    return str(not made.behind.call(is_ending, _PORT))


def kept(made: Site, knocks: Sequence[tuple[int, str]]) -> list[str]:
    """Those of callers behind and on the callers' link, whose grants are gone, and that conntrack has forgotten.

    The former have knocked already.
    """
    for source, address in zip(CALLERS, SERVER):
        made.callers.call(knock_as, source, address, knocks)
    ends = [(host, sources[":" in address], address, port)
            for host, sources in ((made.behind, NEXT_HOP), (made.callers, CALLERS))
            for address in OWN for port in _HEARD]
    held = [(*end, end[0].call(hold, *end[1:])) for end in ends]
    drop_grants(made)
    made.server.call(forgetting.forget)
    found: list[str] = []
    for host, source, address, port, number in held:
        title = f"{host.name}: {address} {port}"
        if not number:
            found += [f"{title}: no grant"] * 3
            continue
        found.append(f"{title}: {host.call(say, number)}")
        for flags in (packets.SYN, packets.SYN | packets.ACK):
            made.server.call(forgetting.forget)
            with counting(made, f"{title}: flags {flags:#x}", found, names=("TcpExtTCPSYNChallenge",)):
                host.call(send_again, source, address, port, flags, number)
        host.call(end_of, number, True)
    return found


def drop_grants(made: Site) -> None:
    """All of them."""
    for name in _GRANTS:  # not every table has them all
        for digit in "46":
            made.server.run(["/usr/sbin/nft", "flush", "set", "inet", "knockwork", f"{name}{digit}"])


def knock_as(source: str, address: str, knocks: Sequence[tuple[int, str]]) -> None:
    """By hand-built packets."""
    for port, protocol in knocks:
        time.sleep(BRIEF)
        if protocol == "udp":
            packets.raw_udp(address, port, source)
        else:
            packets.raw_tcp(address, port, packets.SYN, source)


_HELD: list[socket.socket] = []


def hold(source: str, target: str, port: int) -> int:
    """A connection to a service: a number, or 0."""
    return begin_at(source, 0, target, port)


def say(number: int) -> str:
    """What comes back when something is said on a connection."""
    connection = _HELD[number - 1]
    try:
        connection.sendall(b"still here?")
        return repr(connection.recv(99))
    except OSError as error:
        return type(error).__name__


def begin_at(source: str, source_port: int, target: str, port: int) -> int:
    """A connection from that port: a number for `end_of`, or 0."""
    connection = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.settimeout(4 * PATIENCE)
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


def send_again(source: str, target: str, port: int, flags: int, number: int) -> None:
    """Segments that look as if a connection of this host's began anew."""
    source_port = _HELD[number - 1].getsockname()[1]
    for _ in range(TIMES):
        packets.raw_tcp(target, port, flags, source, source_port)


def send_own(source: str, target: str, port: int, flags: int) -> None:
    """Segments of nobody's from the port that this host's sessions begin from: the second finds what the first did."""
    for _ in range(2):
        packets.raw_tcp(target, port, flags, source, _SERVICE)
